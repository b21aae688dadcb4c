using Qm.Fleet.V1;

namespace Qm.Fleet.Agent.Evidence;

/// <summary>Finds the OOM scores in <c>/proc</c> of the processes that the cgroup tree of the node names.</summary>
/// <remarks>
/// The main process systemd knows of qm.service is conmon, exempt at -1000, in the sibling cgroup <c>runtime</c>; QM itself is the payload.
/// A <c>podman exec</c> into QM lands in QM's init.scope with score 0; only QM's init has process id 1 in there.
/// </remarks>
internal static class OomEvidence
{
    private const string QmCgroup = "/sys/fs/cgroup/qm.service";
    private const string PayloadPrefix = "libpod-payload-";
    private const string ScopePrefix = "libpod-";
    private const string ScopeConmonPrefix = "libpod-conmon-";
    private const int ProcessesMax = 1000;

    /// <summary>Looks at the host's init, QM's init, the containers inside QM and the given safety units.</summary>
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

        foreach (var payload in findings.Names(QmCgroup).Where(name => name.StartsWith(PayloadPrefix, StringComparison.Ordinal)))
        {
            ReadPayload(findings, $"{QmCgroup}/{payload}", oom);
        }

        if (nestedDefault is { } score)
        {
            oom.NestedDefault = score;
        }

        oom.Asil.AddRange(asilUnits.SelectMany(unit => Scores(findings, unit,
            findings.Cgroups($"/sys/fs/cgroup/system.slice/{unit}", name => name != "runtime"))));
        return oom;
    }

    private static void ReadPayload(Findings findings, string payload, OomFindings oom)
    {
        if (FindInit(findings, payload) is { } init && findings.OomScore(init) is { } score)
        {
            (oom.QmInitPid, oom.Qm) = (init, score);
        }

        // One entry for every distinct score of a container: a process of another score than its container is what hurts.
        oom.Nested.AddRange(
            from container in findings.Cgroups(payload, name => name != "runtime" && !name.StartsWith(ScopeConmonPrefix, StringComparison.Ordinal))
            let unit = ContainerUnit(container[payload.Length..])
            where unit is not null
            from found in Scores(findings, unit, [container])
            group found by (found.Unit, found.Score) into same
            select same.MinBy(found => found.Pid));
    }

    /// <summary>The unit a cgroup inside QM belongs to if it is a container's: of a quadlet's service, or of a <c>podman run</c>.</summary>
    private static string? ContainerUnit(string cgroup)
    {
        var names = cgroup.Split('/', StringSplitOptions.RemoveEmptyEntries);
        for (var i = 0; i < names.Length; i++)
        {
            if (i > 0 && names[i - 1].EndsWith(".service", StringComparison.Ordinal) && names[i].StartsWith(PayloadPrefix, StringComparison.Ordinal))
            {
                return names[i - 1];
            }

            if (names[0] == "machine.slice" && names[i].StartsWith(ScopePrefix, StringComparison.Ordinal)
                && names[i].EndsWith(".scope", StringComparison.Ordinal))
            {
                return names[i];
            }
        }

        return null;
    }

    private static int? FindInit(Findings findings, string payload)
    {
        var scope = findings.Processes($"{payload}/init.scope").ToArray();
        if (InitAmong(findings, scope) is { } init)
        {
            return init;
        }

        var everywhere = findings.Cgroups(payload, _ => true).SelectMany(findings.Processes).Take(ProcessesMax).ToArray();
        if (InitAmong(findings, everywhere) is { } found)
        {
            return found;
        }

        // Kernels without process id namespaces do not tell; the first process of the scope is the oldest.
        var telling = scope.Where(pid => Namespaces(findings, pid).Length > 0);
        return scope.Length > 0 && !telling.Any() ? scope.Min() : null;
    }

    // Containers inside QM have an init of their own, one namespace deeper.
    private static int? InitAmong(Findings findings, IEnumerable<int> processes) =>
        (from pid in processes
         let ids = Namespaces(findings, pid)
         where ids.Length > 0 && ids[^1] == "1"
         orderby ids.Length, pid
         select (int?)pid).FirstOrDefault();

    private static string[] Namespaces(Findings findings, int pid) =>
        (findings.Text($"/proc/{pid}/status") ?? "").Split('\n')
            .FirstOrDefault(line => line.StartsWith("NSpid:", StringComparison.Ordinal))?["NSpid:".Length..]
            .Split((char[])['\t', ' '], StringSplitOptions.RemoveEmptyEntries) ?? [];

    private static IEnumerable<UnitOom> Scores(Findings findings, string unit, IEnumerable<string> cgroups) =>
        from pid in cgroups.SelectMany(findings.Processes).Take(ProcessesMax)
        let score = findings.OomScore(pid)
        where score is not null
        select new UnitOom { Unit = unit, Pid = pid, Score = score.Value };
}
