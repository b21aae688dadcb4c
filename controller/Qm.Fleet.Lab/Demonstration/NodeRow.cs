using System.Globalization;
using Qm.Fleet.Lab.Processes;
using Qm.Fleet.V1;

namespace Qm.Fleet.Lab.Demonstration;

/// <summary>One node in one line. Every value is what the controller read back from the node, none is what was asked for.</summary>
internal static class NodeRow
{
    /// <summary>Heads of the columns.</summary>
    public static IReadOnlyList<string> Header { get; } = ["NODE", "BLUECHI", "QM", "EXT", "REVISION", "STEP", "OOM host/qm/nested", "CPU", "MEM high/max", "SINCE"];

    /// <summary>The columns of a node.</summary>
    public static IReadOnlyList<string> Of(Node node)
    {
        var (status, cgroup) = (node.Status ?? new(), node.Status?.Report?.Cgroup ?? []);
        return
        [
            node.Metadata.Name, Word(status, "BluechiOnline", "online", "offline"), Word(status, "QmOnline", "online", "offline"),
            Word(status, "ExtensionConnected", "ok", "lost"), status.Revision.Length == 0 ? "-" : status.Revision, status.Step?.Name ?? "unknown",
            status.Report?.Oom is { } oom ? $"{(oom.HasHost ? oom.Host : "-")} / {(oom.HasQm ? oom.Qm : "-")} / {Nested(oom)}" : "-",
            cgroup.GetValueOrDefault("cpu.idle") == "1" ? "idle" : cgroup.GetValueOrDefault("cpu.weight", "-"),
            $"{Size(cgroup.GetValueOrDefault("memory.high", "-"))} / {Size(cgroup.GetValueOrDefault("memory.max", "-"))}",
            NodeWatch.HasConverged(node) && status.ConvergedAfter is { } after ? string.Create(CultureInfo.InvariantCulture, $"{after.ToTimeSpan().TotalSeconds:0.0} s") : "",
        ];
    }

    /// <summary>Lines of equally wide columns.</summary>
    public static IEnumerable<string> Lines(IReadOnlyCollection<IReadOnlyList<string>> rows)
    {
        var widths = Header.Select((_, column) => rows.Max(row => row[column].Length)).ToArray();
        return rows.Select(row => "  " + string.Join("  ", row.Select((cell, column) => cell.PadRight(widths[column]))).TrimEnd());
    }

    // The kernel's bytes in the largest unit that keeps them whole.
    private static string Size(string bytes)
    {
        if (!ulong.TryParse(bytes, CultureInfo.InvariantCulture, out var value) || value == 0)
        {
            return bytes;
        }

        var unit = 0;
        for (; value % 1024 == 0 && unit < 4; unit++)
        {
            value /= 1024;
        }

        return string.Create(CultureInfo.InvariantCulture, $"{value}{(unit == 0 ? "" : "KMGT"[unit - 1])}");
    }

    private static object Nested(OomFindings oom)
    {
        var scores = oom.Nested.Select(process => process.Score).Distinct().Order().ToArray();
        return scores.Length > 0 ? string.Join(',', scores) : oom.HasNestedDefault ? oom.NestedDefault : "-";
    }

    private static string Word(NodeStatus status, string condition, string yes, string no) =>
        status.Conditions.FirstOrDefault(candidate => candidate.Type == condition)?.Status switch
        {
            Condition.Types.Status.True => yes,
            Condition.Types.Status.False => no,
            _ => "unknown",
        };
}
