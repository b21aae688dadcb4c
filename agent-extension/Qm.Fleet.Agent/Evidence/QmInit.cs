using Qm.Fleet.Core.Cgroups;

namespace Qm.Fleet.Agent.Evidence;

/// <summary>Tells QM's init from the other processes of its payload.</summary>
internal static class QmInit
{
    /// <summary>Most processes that are asked who they are.</summary>
    private const int ProcessesMax = 1000;

    /// <summary>Its process id on the host; null when it does not run.</summary>
    public static int? Find(Findings findings, string payload, IReadOnlyList<QmCgroup> cgroups)
    {
        var scope = findings.Processes($"{payload}/init.scope").Take(ProcessesMax).ToArray();
        if (Among(findings, scope) is { } init)
        {
            return init;
        }

        if (Among(findings, cgroups.SelectMany(cgroup => findings.Processes(cgroup.Path)).Take(ProcessesMax)) is { } found)
        {
            return found;
        }

        // Kernels without process id namespaces do not tell; the first process of the scope is the oldest.
        return scope.Length > 0 && !scope.Any(pid => Namespaces(findings, pid).Length > 0) ? scope.Min() : null;
    }

    /// <summary>Whether a process of QM's init.scope was started from outside QM: its ancestors leave the scope without passing QM's init.</summary>
    /// <param name="findings">Reads.</param>
    /// <param name="pid">The process.</param>
    /// <param name="init">QM's init; null when it does not run.</param>
    /// <param name="scope">The processes of the scope.</param>
    /// <param name="known">What was found out of other processes of the scope; nobody is asked twice, and no more than some.</param>
    public static bool IsForeign(Findings findings, int pid, int? init, IReadOnlySet<int> scope, Dictionary<int, bool> known)
    {
        List<int> way = [];
        bool isForeign;
        // A process is never its own ancestor, but pids are reused while we look: what is on the way already counts as QM's.
        while (!known.TryGetValue(pid, out isForeign) && known.Count < ProcessesMax)
        {
            known[pid] = false;
            way.Add(pid);
            if (Field(findings, pid, "PPid:") is not [var text] || !int.TryParse(text, out var parent) || parent == init)
            {
                break;
            }

            if (!scope.Contains(parent))
            {
                isForeign = true;
                break;
            }

            pid = parent;
        }

        way.ForEach(passed => known[passed] = isForeign);
        return isForeign;
    }

    // Containers inside QM have an init of their own, one namespace deeper.
    private static int? Among(Findings findings, IEnumerable<int> processes) =>
        (from pid in processes
         let ids = Namespaces(findings, pid)
         where ids.Length > 0 && ids[^1] == "1"
         orderby ids.Length, pid
         select (int?)pid).FirstOrDefault();

    private static string[] Namespaces(Findings findings, int pid) => Field(findings, pid, "NSpid:");

    private static string[] Field(Findings findings, int pid, string name) =>
        (findings.Text($"/proc/{pid}/status") ?? "").Split('\n')
            .FirstOrDefault(line => line.StartsWith(name, StringComparison.Ordinal))?[name.Length..]
            .Split((char[])['\t', ' '], StringSplitOptions.RemoveEmptyEntries) ?? [];
}
