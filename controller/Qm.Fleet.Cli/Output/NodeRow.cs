using System.Globalization;
using Qm.Fleet.Cli.Verbs;
using Qm.Fleet.V1;

namespace Qm.Fleet.Cli.Output;

/// <summary>A node in a line; every value was read back from it, and what was not heard is unknown.</summary>
internal static class NodeRow
{
    private const string Unknown = "unknown";

    internal static readonly string[] Header = ["NODE", "BLUECHI", "QM", "EXT", "REVISION", "STEP", "OOM host/qm/nested", "CPU", "MEM high/max", "SINCE"];
    internal static readonly string[] WideHeader = [.. Header, "FLEET", "WANTED", "LABELS"];

    internal static string[] Of(Node node, DateTimeOffset now)
    {
        var status = node.Status ?? new();
        return
        [
            node.Metadata.Name,
            Word(status, "BluechiOnline", "online", "offline"),
            Word(status, "QmOnline", "online", "offline"),
            Word(status, "ExtensionConnected", "ok", "lost"),
            status.Revision.Length == 0 ? "-" : status.Revision,
            status.Step?.Name ?? Unknown,
            Oom(status.Report?.Oom),
            Found(status, "CPUWeight"),
            $"{Found(status, "MemoryHigh")} / {Found(status, "MemoryMax")}",
            status.Step?.Since is { } since ? Durations.Show(now - since.ToDateTimeOffset()) : "-",
        ];
    }

    internal static string[] WideOf(Node node, DateTimeOffset now) =>
    [
        .. Of(node, now),
        node.Status?.Fleet is { Length: > 0 } fleet ? fleet : "-",
        node.Status?.DesiredRevision is { Length: > 0 } revision ? revision : "-",
        string.Join(',', node.Metadata.Labels.OrderBy(label => label.Key, StringComparer.Ordinal).Select(label => $"{label.Key}={label.Value}")),
    ];

    internal static string Oom(OomFindings? oom)
    {
        if (oom is null)
        {
            return Unknown;
        }

        // The containers that run, and what the next one will get where none does.
        var nested = oom.Nested.Count > 0
            ? string.Join(',', oom.Nested.Select(process => process.Score).Distinct().Order().Select(Text))
            : oom.HasNestedDefault ? Text(oom.NestedDefault) : "-";
        return $"{(oom.HasHost ? Text(oom.Host) : "-")} / {(oom.HasQm ? Text(oom.Qm) : "-")} / {nested}";
    }

    private static string Word(NodeStatus status, string type, string yes, string no) =>
        status.Conditions.FirstOrDefault(condition => condition.Type == type)?.Status switch
        {
            Condition.Types.Status.True => yes,
            Condition.Types.Status.False => no,
            _ => Unknown,
        };

    private static string Found(NodeStatus status, string check) =>
        status.Checks.FirstOrDefault(candidate => candidate.Name == check)?.Found is { Length: > 0 } found ? found : "-";

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);
}
