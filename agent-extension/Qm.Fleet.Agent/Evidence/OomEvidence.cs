using Qm.Fleet.V1;

namespace Qm.Fleet.Agent.Evidence;

/// <summary>Finds the OOM scores in <c>/proc</c> of the processes that the cgroup tree of the node names.</summary>
/// <remarks>
/// The main process systemd knows of qm.service is conmon, exempt at -1000, in the sibling cgroup <c>runtime</c>; QM itself is the payload.
/// A <c>podman exec</c> into QM lands in QM's init.scope with score 0; only QM's init has process id 1 in there.
/// </remarks>
internal static class OomEvidence
{
    /// <summary>Most units of QM that are told, of containers and of the others: QM makes as many as it likes, and a report has to fit into a message.</summary>
    public const int UnitsMax = 400;

    private const int ProcessesMax = 1000;

    /// <summary>Looks at the host's init, all of QM and the given safety units.</summary>
    public static OomFindings Read(Findings findings, IEnumerable<string> asilUnits, int? nestedDefault)
    {
        var oom = new OomFindings();
        if (findings.OomScore(1) is { } host)
        {
            oom.Host = host;
        }
        else
        {
            findings.Add("/proc/1/oom_score_adj cannot be read, so the host's OOM score is unknown.");
        }

        foreach (var payload in QmCgroups.Payloads(findings))
        {
            ReadPayload(findings, payload, oom);
        }

        Cut(findings, oom.Nested, "containers");
        Cut(findings, oom.Processes, "units");
        if (nestedDefault is { } score)
        {
            oom.NestedDefault = score;
        }

        oom.Asil.AddRange(
            from unit in asilUnits
            from found in Scores(findings, findings.Cgroups($"/sys/fs/cgroup/system.slice/{unit}", static name => name != QmCgroups.Runtime))
            select new UnitOom { Unit = unit, Pid = found.Pid, Score = found.Score });
        return oom;
    }

    private static void ReadPayload(Findings findings, string payload, OomFindings oom)
    {
        var cgroups = QmCgroups.Below(findings, payload).ToArray();
        var init = QmInit.Find(findings, payload, cgroups);
        if (init is not null && findings.OomScore(init.Value) is { } score)
        {
            (oom.QmInitPid, oom.Qm) = (init.Value, score);
        }

        // One entry for every distinct score of a container: a process of another score than its container is what hurts.
        oom.Nested.AddRange(
            from cgroup in cgroups
            where cgroup.IsInContainer && !cgroup.IsConmon
            from found in Scores(findings, [cgroup.Path])
            group found by (cgroup.Unit, found.Score) into same
            select new UnitOom { Unit = same.Key.Unit, Pid = same.Min(found => found.Pid), Score = same.Key.Score });
        oom.Processes.AddRange(
            from cgroup in cgroups
            where !cgroup.IsInContainer || cgroup.IsConmon
            let inScope = cgroup.Names is ["init.scope"] ? findings.Processes(cgroup.Path).ToHashSet() : []
            from found in Scores(findings, [cgroup.Path])
            where found.Pid != init
            let exception = found.Score == oom.Qm ? QmProcesses.Types.Exception.None
                : cgroup.IsConmonScope ? QmProcesses.Types.Exception.Conmon
                : inScope.Count > 0 && QmInit.IsForeign(findings, found.Pid, init, inScope) ? QmProcesses.Types.Exception.PodmanExec
                : QmProcesses.Types.Exception.None
            group found by (cgroup.Unit, found.Score, exception) into same
            select new QmProcesses
            {
                Unit = same.Key.Unit,
                Pid = same.Min(found => found.Pid),
                Score = same.Key.Score,
                Count = same.Count(),
                Exception = same.Key.exception,
            });
    }

    private static void Cut<T>(Findings findings, IList<T> found, string what)
    {
        if (found.Count <= UnitsMax)
        {
            return;
        }

        findings.Add($"QM has more {what} with processes than the {UnitsMax} whose OOM scores are told; those of the rest are unknown.");
        while (found.Count > UnitsMax)
        {
            found.RemoveAt(found.Count - 1);
        }
    }

    private static IEnumerable<(int Pid, int Score)> Scores(Findings findings, IEnumerable<string> cgroups) =>
        from pid in cgroups.SelectMany(findings.Processes).Take(ProcessesMax)
        let score = findings.OomScore(pid)
        where score is not null
        select (pid, score.Value);
}
