using System.Globalization;
using Qm.Fleet.V1;

namespace Qm.Fleet.Cli.Output;

/// <summary>What limits let QM take of a node, against what the node has less what is kept for safety software.</summary>
internal static class CapacityText
{
    private const string NoLimit = "no limit";

    internal static readonly string[] Header = ["", "HAS", "ASIL", "QM", "FREE"];

    /// <summary>A row for each resource, with the columns of <see cref="Header"/>; none where the node has not said what it has.</summary>
    internal static IEnumerable<string[]> Rows(NodeCapacity? capacity) => capacity is null ? [] : Shares(capacity)
        .Where(share => share.Of is { Has: > 0 })
        .Select(share => (string[])[share.Name, share.Text(share.Of.Has), share.Text(share.Of.Reserve), Declared(share.Of, share.Text), Free(share.Of, share.Text)]);

    /// <summary>All of it in a line, for a plan.</summary>
    internal static string Line(NodeCapacity capacity) => string.Join("; ", Rows(capacity).Select(row => $"{row[0]} {(row[3] == NoLimit ? "all" : row[3])} of {row[1]} less {row[2]} for ASIL, {row[4]} free"));

    /// <summary>Memory that is left, below 0 for what is promised twice; a dash where nobody knows.</summary>
    internal static string FreeMemory(NodeCapacity? capacity) => capacity?.Memory is { Has: > 0 } memory ? Free(memory, UsageText.Size) : "-";

    private static IEnumerable<(string Name, CapacityShare Of, Func<long, string> Text)> Shares(NodeCapacity capacity) =>
    [
        ("memory", capacity.Memory ?? new(), UsageText.Size),
        ("CPUs", capacity.Cpus ?? new(), Cpus),
        ("tasks", capacity.Tasks ?? new(), Number),
    ];

    private static string Declared(CapacityShare share, Func<long, string> text) => share.HasDeclared ? text(share.Declared) : NoLimit;

    private static string Free(CapacityShare share, Func<long, string> text) => share.Free < 0 ? $"-{text(-share.Free)}" : text(share.Free);

    private static string Cpus(long thousandths) => (thousandths / 1000m).ToString("0.###", CultureInfo.InvariantCulture);

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);
}
