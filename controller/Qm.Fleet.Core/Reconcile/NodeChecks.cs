using System.Globalization;
using Qm.Fleet.Core.Resources;
using Qm.Fleet.Core.Revisions;

namespace Qm.Fleet.Core.Reconcile;

/// <summary>Compares a revision with what was read on a node.</summary>
public static class NodeChecks
{
    /// <summary>Prefix of the checks of OOM scores; what follows says whose.</summary>
    public const string OomPrefix = "OOMScoreAdjust.";

    /// <summary>One check for every value the revision sets, in a stable order.</summary>
    public static IReadOnlyList<NodeCheck> Evaluate(RenderedRevision desired, NodeEvidence evidence) =>
    [
        .. Rootfs(desired, evidence), .. MountChecks.Evaluate(desired, evidence), .. LimitChecks.Evaluate(desired, evidence),
        .. QmScores(desired, evidence), .. ProcessScores(desired, evidence), .. AsilScores(desired, evidence),
        .. LabelChecks.Evaluate(desired, evidence), .. NodeNames(desired, evidence),
    ];

    /// <summary>The score a workload's container shall have; null when neither it nor the environment says.</summary>
    public static int? WantedScore(RenderedRevision desired, string workload) =>
        desired.Environment.Workloads.FirstOrDefault(candidate => candidate.Name == workload)?.OomScoreAdjust
            ?? desired.Environment.Oom.Nested;

    /// <summary>Limits of qm.service whose value in force is not the one wanted, retired ones included, each with what it shall be.</summary>
    /// <remarks>A retired limit goes back to what the node's own files say, in words: removing it from a file leaves it in the kernel.</remarks>
    public static IEnumerable<KeyValuePair<ResourceProperty, ResourceValue>> LimitsToSet(RenderedRevision desired, NodeEvidence evidence) =>
        LimitChecks.Wanted(desired, evidence).Where(limit => LimitChecks.Compare(limit.Key, limit.Value, evidence).Result == CheckResult.Fail);

    /// <summary>What QM shall run from, for a person; empty when that is the node's own business.</summary>
    public static string WantedRootfs(RenderedRevision desired) =>
        desired.Environment.RootfsArchive is { } archive ? RootfsSlot.PathOf(archive.Sha256)
        : desired.Environment.RootfsPreinstalled ? "the rootfs of the node's image"
        : "";

    /// <summary>Whether QM is seen to run from another rootfs than the revision wants; false when nothing can be seen.</summary>
    public static bool RunsFromOtherRootfs(RenderedRevision desired, NodeEvidence evidence) =>
        evidence.Rootfs.Running.Length > 0 && WantedRootfs(desired).Length > 0
        && RootfsSlot.DigestOf(evidence.Rootfs.Running) != desired.Environment.RootfsArchive?.Sha256;

    private static IEnumerable<NodeCheck> Rootfs(RenderedRevision desired, NodeEvidence evidence)
    {
        if (desired.Environment.RootfsArchive is null)
        {
            yield break;
        }

        var (running, isOther) = (evidence.Rootfs.Running, RunsFromOtherRootfs(desired, evidence));
        yield return new("ROOTFS", WantedRootfs(desired), running, running.Length == 0 ? "" : $"/proc/{Text(evidence.Oom.QmInit)}/mountinfo",
            running.Length == 0 ? CheckResult.Unreadable : isOther ? CheckResult.Fail : CheckResult.Pass,
            running.Length == 0 ? "what is mounted on / of QM's init could not be read" : isOther ? "it changes when QM restarts" : "");
    }

    // Another file of QM's may win over ours; an agent extension that does not tell is not held against the node.
    private static IEnumerable<NodeCheck> NodeNames(RenderedRevision desired, NodeEvidence evidence)
    {
        // BlueChi knows the host by this name; the agent only loses it at its next start, which is not ours to order.
        if (evidence.HostNodeName.Length > 0 && desired.QmNodeName is { } qmName && QmNode.HostOf(qmName, out _) is var host)
        {
            yield return evidence.HostNodeName == host
                ? new("NodeName.host", host, evidence.HostNodeName, "the merged agent.conf of the host", CheckResult.Pass, "")
                : new("NodeName.host", host, evidence.HostNodeName, "the merged agent.conf of the host", CheckResult.Pending,
                    $"the host's {QmNode.AgentUnit} takes this name at its next start, and BlueChi then no longer knows the node");
        }

        if (evidence.QmNodeName.Length > 0 && desired.QmNodeName is { } wanted)
        {
            yield return new("NodeName", wanted, evidence.QmNodeName, "the merged agent.conf of QM", evidence.QmNodeName == wanted ? CheckResult.Pass : CheckResult.Fail,
                evidence.QmNodeName == wanted ? "" : "a file that sorts after zz-qm-fleet.conf in QM's agent.conf.d sets it");
        }
    }

    private static IEnumerable<NodeCheck> QmScores(RenderedRevision desired, NodeEvidence evidence)
    {
        if (desired.Environment.Oom.Qm is { } qm)
        {
            yield return evidence.Oom.Qm is { } found
                ? Score("qm", qm, found, evidence.Oom.QmInit, "QM's init started with another score; it changes when QM restarts")
                : Unread("qm", qm, "QM's init was not found below qm.service");
        }

        if (desired.Environment.Oom.Nested is { } nested)
        {
            yield return evidence.Oom.NestedDefault is { } found
                ? Score("nested", nested, found, 0, "QM's containers.conf and its drop-ins say otherwise")
                : Unread("nested", nested, "QM's containers.conf could not be read");
        }

        foreach (var workload in desired.Environment.Workloads)
        {
            var unit = workload.Name + ".service";
            foreach (var process in evidence.Oom.Nested.Where(candidate => candidate.Unit == unit))
            {
                if (WantedScore(desired, workload.Name) is { } wanted)
                {
                    yield return Score(workload.Name, wanted, process.Score, process.Pid, $"{unit} started with another score; it changes when it restarts");
                }
            }
        }
    }

    // What runs in QM beside its init and its containers. A higher score than QM's is a unit's own choice and harms nobody.
    private static IEnumerable<NodeCheck> ProcessScores(RenderedRevision desired, NodeEvidence evidence)
    {
        if (desired.Environment.Oom.Qm is not { } wanted)
        {
            yield break;
        }

        foreach (var found in evidence.Oom.Processes.Where(found => found.Score < wanted))
        {
            yield return new(
                $"{OomPrefix}qm/{found.Unit}", $">= {Text(wanted)}", Text(found.Score), ScoreFile(found.Pid),
                found.Exception.Length > 0 ? CheckResult.Exempt : CheckResult.Fail,
                found.Exception.Length > 0 ? $"{found.Exception} ({Text(found.Count)} processes)"
                    : $"{Text(found.Count)} processes of {found.Unit} in QM would be killed after QM");
        }
    }

    private static IEnumerable<NodeCheck> AsilScores(RenderedRevision desired, NodeEvidence evidence)
    {
        foreach (var (unit, wanted) in desired.Environment.Oom.Asil)
        {
            var processes = evidence.Oom.Asil.Where(candidate => candidate.Unit == unit).ToArray();
            if (processes.Length == 0)
            {
                yield return new(OomPrefix + unit, Text(wanted), "", "", CheckResult.Pending, $"{unit} does not run; the score is set for its next start");
            }

            foreach (var process in processes)
            {
                yield return process.Score == wanted
                    ? Score(unit, wanted, process.Score, process.Pid, "")
                    : new(OomPrefix + unit, Text(wanted), Text(process.Score), ScoreFile(process.Pid), CheckResult.Pending,
                        $"takes effect when {unit} starts next; QM Fleet never restarts a unit outside QM");
            }
        }
    }

    private static NodeCheck Score(string of, int wanted, int found, int pid, string otherwise) => new(
        OomPrefix + of, Text(wanted), Text(found), pid == 0 ? "containers.conf" : ScoreFile(pid),
        wanted == found ? CheckResult.Pass : CheckResult.Fail, wanted == found ? "" : otherwise);

    private static NodeCheck Unread(string of, int wanted, string why) =>
        new(OomPrefix + of, Text(wanted), "", "", CheckResult.Unreadable, why);

    private static string ScoreFile(int pid) => FormattableString.Invariant($"/proc/{pid}/oom_score_adj");

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);
}
