using Qm.Fleet.Agent.Files;
using Qm.Fleet.V1;

namespace Qm.Fleet.Agent.Checks;

/// <summary>The static checks of a node, looked at again when something they depend on changed, and else now and then.</summary>
/// <param name="time">Says when it is time again.</param>
internal sealed class StaticChecks(TimeProvider time)
{
    /// <summary>Between two looks over a node of which a report says the same.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    private V1.StaticChecks? _last;
    private NodeReport? _seen;
    private long _lookedAt;

    /// <summary>All of them, in the order told.</summary>
    public static IReadOnlyList<StaticCheck> All { get; } = [.. InterferenceChecks.All, .. QuadletChecks.All, .. BlueChiChecks.All, .. HeartbeatChecks.All, .. InstallationChecks.All];

    /// <summary>Looks, or answers what the last look found; the result is not to be changed.</summary>
    /// <param name="root">The node.</param>
    /// <param name="report">What was found of the node just now.</param>
    /// <param name="missingFiles">Owned files that were put in place and are not there.</param>
    public V1.StaticChecks Read(NodeRoot root, NodeReport report, IReadOnlyList<string> missingFiles)
    {
        var seen = report.Clone();
        // These say nothing a check reads and change all the time.
        (seen.Machine, seen.Checks) = (null, null);
        seen.Cgroup.Remove("memory.current");
        seen.Cgroup.Remove("memory.events");
        if (_last is null || !seen.Equals(_seen) || time.GetElapsedTime(_lookedAt) >= Interval)
        {
            var facts = new NodeFacts(root, report, missingFiles);
            var results = new V1.StaticChecks { Results = { All.Select(check => check.Run(facts)) } };
            (_last, _seen, _lookedAt) = (results, seen, time.GetTimestamp());
        }

        return _last;
    }
}
