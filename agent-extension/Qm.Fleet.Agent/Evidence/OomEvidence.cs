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

    /// <summary>Most processes whose scores are looked at, of QM and of each safety unit.</summary>
    public const int ProcessesMax = 4000;

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
            from found in Scores(findings, unit, findings.Cgroups($"/sys/fs/cgroup/system.slice/{unit}", static name => name != QmCgroups.Runtime), static path => path)
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

        var scores = Scores(findings, "QM", cgroups, static cgroup => cgroup.Path);
        var inScope = new Lazy<HashSet<int>>(() => [.. findings.Processes($"{payload}/init.scope")]);
        Dictionary<int, bool> foreign = [];
        // One entry for every distinct score of a container: a process of another score than its container is what hurts.
        oom.Nested.AddRange(
            from found in scores
            where found.Cgroup.IsInContainer && !found.Cgroup.IsConmon
            group found by (found.Cgroup.Unit, found.Score) into same
            select new UnitOom { Unit = same.Key.Unit, Pid = same.Min(found => found.Pid), Score = same.Key.Score });
        oom.Processes.AddRange(
            from found in scores
            let cgroup = found.Cgroup
            where (!cgroup.IsInContainer || cgroup.IsConmon) && found.Pid != init
            let exception = found.Score == oom.Qm ? QmProcesses.Types.Exception.None
                : cgroup.IsConmonScope ? QmProcesses.Types.Exception.Conmon
                : cgroup.Names is ["init.scope"] && QmInit.IsForeign(findings, found.Pid, init, inScope.Value, foreign) ? QmProcesses.Types.Exception.PodmanExec
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

        findings.Add($"QM has more {what} with processes than the {UnitsMax} whose OOM scores are told; {found.Count - UnitsMax} entries are left out.");
        while (found.Count > UnitsMax)
        {
            found.RemoveAt(found.Count - 1);
        }
    }

    private static List<(T Cgroup, int Pid, int Score)> Scores<T>(Findings findings, string of, IEnumerable<T> cgroups, Func<T, string> path)
    {
        List<(T, int, int)> scores = [];
        var (looked, leftOut) = (0, 0);
        foreach (var cgroup in cgroups)
        {
            foreach (var pid in findings.Processes(path(cgroup)))
            {
                if (looked == ProcessesMax)
                {
                    leftOut++;
                }
                else
                {
                    looked++;
                    if (findings.OomScore(pid) is { } score)
                    {
                        scores.Add((cgroup, pid, score));
                    }
                }
            }
        }

        if (leftOut > 0)
        {
            findings.Add($"{of} has more processes than the {ProcessesMax} whose OOM scores are looked at; {leftOut} are left out, and their scores are unknown.");
        }

        return scores;
    }
}
