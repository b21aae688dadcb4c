using System.Globalization;
using Qm.Fleet.V1;

namespace Qm.Fleet.Cli.Output;

/// <summary>A node in a line; every value was read back from it, and what was not heard is unknown.</summary>
internal static class NodeRow
{
    private const string Unknown = "unknown";

    internal static readonly string[] Header = ["NODE", "BLUECHI", "QM", "EXT", "REVISION", "STEP", "OOM host/qm/nested", "CPU", "MEM high/max", "SINCE"];
    internal static readonly string[] MoreHeader = ["FLEET", "SITE", "DESIRED", "LABELS"];

    /// <summary>The columns of <see cref="Header"/>.</summary>
    internal static string[] Of(Node node, DateTimeOffset now)
    {
        var status = node.Status ?? new();
        return
        [
            node.Metadata?.Name ?? "",
            Word(status, "BluechiOnline", "online", "offline"),
            Word(status, "QmOnline", "online", "offline"),
            Word(status, "ExtensionConnected", "ok", "lost"),
            status.Revision.Length > 0 ? status.Revision : status.Report is null ? Unknown : "-",
            status.Step?.Name is { Length: > 0 } step ? step : Unknown,
            Oom(status.Report?.Oom),
            Cpu(status.Report),
            Memory(status.Report),
            Durations.Since(status.Step?.Since, now),
        ];
    }

    /// <summary>The columns of <see cref="MoreHeader"/>.</summary>
    internal static string[] MoreOf(Node node) =>
    [
        node.Status?.Fleet is { Length: > 0 } fleet ? fleet : "-",
        node.Spec?.Site is { Length: > 0 } site ? site : "-",
        node.Status?.DesiredRevision is { Length: > 0 } revision ? revision : "-",
        Labels(node.Metadata, ','),
    ];

    /// <summary>Scores of the host's init, QM's init and the containers in it, or what the next container will get where none runs.</summary>
    internal static string Oom(OomFindings? oom)
    {
        if (oom is null)
        {
            return Unknown;
        }

        var nested = oom.Nested.Count > 0
            ? string.Join(',', oom.Nested.Select(process => process.Score).Distinct().Order().Select(Text))
            : oom.HasNestedDefault ? Text(oom.NestedDefault) : "-";
        return $"{(oom.HasHost ? Text(oom.Host) : "-")} / {(oom.HasQm ? Text(oom.Qm) : "-")} / {nested}";
    }

    internal static string Labels(Metadata? metadata, char separator) => metadata is not { Labels.Count: > 0 }
        ? "-"
        : string.Join(separator, metadata.Labels.OrderBy(label => label.Key, StringComparer.Ordinal).Select(label => $"{label.Key}={label.Value}"));

    private static string Word(NodeStatus status, string type, string yes, string no) =>
        status.Conditions.FirstOrDefault(condition => condition.Type == type)?.Status switch
        {
            Condition.Types.Status.True => yes,
            Condition.Types.Status.False => no,
            _ => Unknown,
        };

    /// <summary>What the kernel holds: the weight, or idle.</summary>
    // cpu.idle says what cpu.weight cannot: a weight of "idle" reads as 0 there, or not at all.
    internal static string Cpu(NodeReport? report) => report switch
    {
        null => Unknown,
        _ when report.Cgroup.TryGetValue("cpu.idle", out var idle) && idle == "1" => "idle",
        _ => report.Cgroup.TryGetValue("cpu.weight", out var weight) ? weight : "-",
    };

    /// <summary>What the kernel holds: high and max.</summary>
    internal static string Memory(NodeReport? report) => report is null ? Unknown : $"{Limit(report, "memory.high")} / {Limit(report, "memory.max")}";

    private static string Limit(NodeReport report, string file) => report.Cgroup.TryGetValue(file, out var bytes) ? Size(bytes) : "-";

    // The kernel's bytes in the largest unit that keeps them whole; "max" stays as it is.
    private static string Size(string bytes)
    {
        if (!ulong.TryParse(bytes, NumberStyles.None, CultureInfo.InvariantCulture, out var value) || value == 0)
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

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);
}
