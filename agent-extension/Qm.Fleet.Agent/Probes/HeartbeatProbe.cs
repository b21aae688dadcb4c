using Microsoft.Win32.SafeHandles;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Supervision;

namespace Qm.Fleet.Agent.Probes;

/// <summary>Judges how old a file of QM is.</summary>
internal static class HeartbeatProbe
{
    /// <summary>Compares its time of modification with the node's clock.</summary>
    public static ProbeOutcome Judge(SafeFileHandle opened, ProbeAction.HeartbeatFile action, DateTimeOffset now)
    {
        var age = now - new DateTimeOffset(File.GetLastWriteTimeUtc(opened), TimeSpan.Zero);
        return age.TotalSeconds switch
        {
            var seconds when seconds > action.MaxAgeSeconds =>
                ProbeOutcome.Failure(FormattableString.Invariant($"{action.Path} was last written {seconds:0} s ago, which is more than {action.MaxAgeSeconds} s")),
            // A date ahead would hold a workload that hangs for healthy until then.
            var seconds when seconds < -action.MaxAgeSeconds =>
                ProbeOutcome.Failure(FormattableString.Invariant($"{action.Path} is dated {-seconds:0} s ahead of the node's clock")),
            _ => ProbeOutcome.Success,
        };
    }
}
