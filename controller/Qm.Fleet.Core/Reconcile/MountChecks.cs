using System.Globalization;
using Qm.Fleet.Core.Revisions;

namespace Qm.Fleet.Core.Reconcile;

/// <summary>Whether the running QM has on its rootfs and its mounts what its quadlet in force puts there.</summary>
internal static class MountChecks
{
    // What the fleet writes for QM lies below these; with something else mounted there, none of it is in force.
    private static readonly string[] Essential = ["/", "/etc", "/var"];

    internal static IEnumerable<NodeCheck> Evaluate(RenderedRevision desired, NodeEvidence evidence)
    {
        foreach (var mount in evidence.Mounts)
        {
            // A rootfs that the revision brings is checked against the revision itself.
            if (mount.Point == "/" && desired.Environment.RootfsArchive is not null)
            {
                continue;
            }

            var (result, message) = Judge(mount);
            yield return new(
                mount.Point == "/" ? "Rootfs" : $"Volume.{mount.Point}", mount.Configured,
                result == CheckResult.Pass ? mount.Configured : mount.MountedAt,
                string.Create(CultureInfo.InvariantCulture, $"/proc/{evidence.Oom.QmInit}/mountinfo"), result, message);
        }
    }

    private static (CheckResult Result, string Message) Judge(MountEvidence mount) => mount switch
    {
        { ConfiguredAt: "" } => (CheckResult.Unreadable, $"{mount.Configured} is not on the host or not to be looked at, so nothing can be compared"),
        _ when mount.MountedAt == mount.ConfiguredAt => (CheckResult.Pass, ""),
        _ when Essential.Contains(mount.Point) => (CheckResult.Fail, $"{Found(mount)}; restart {QmNode.Unit}, which takes what the quadlet says"),
        _ => (CheckResult.Pending, $"{Found(mount)}; the quadlet was changed since QM started, and it takes effect when QM restarts"),
    };

    private static string Found(MountEvidence mount) =>
        mount.MountedAt.Length == 0 ? $"nothing is mounted on {mount.Point} of QM" : $"QM has {mount.MountedAt} on {mount.Point}, and {mount.Configured} is {mount.ConfiguredAt}";
}
