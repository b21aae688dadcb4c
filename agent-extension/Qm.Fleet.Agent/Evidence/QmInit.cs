using Qm.Fleet.Core.Cgroups;

namespace Qm.Fleet.Agent.Evidence;

/// <summary>Tells QM's init from the other processes of its payload.</summary>
internal static class QmInit
{
    private const int ProcessesMax = 1000;

    /// <summary>Its process id on the host; null when it does not run.</summary>
    public static int? Find(Findings findings, string payload, IReadOnlyList<QmCgroup> cgroups)
    {
        var scope = findings.Processes($"{payload}/init.scope").ToArray();
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
    public static bool IsForeign(Findings findings, int pid, int? init, IReadOnlySet<int> scope)
    {
        // A process is never its own ancestor, so the way out is no longer than the scope is large; pids are reused while we look, though.
        for (var steps = scope.Count; steps >= 0; steps--)
        {
            if (Field(findings, pid, "PPid:") is not [var text] || !int.TryParse(text, out var parent) || parent == init)
            {
                return false;
            }

            if (!scope.Contains(parent))
            {
                return true;
            }

            pid = parent;
        }

        return false;
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
