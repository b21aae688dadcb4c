using System.Globalization;
using Qm.Fleet.V1;

namespace Qm.Fleet.Cli.Output;

/// <summary>What nodes use now, a cgroup in a line; a dash where nobody knows.</summary>
internal static class TopRows
{
    internal static readonly string[] Header = ["NODE", "UNIT", "CPU", "MEMORY", "OF", "PRESSURE some/full", "READ/s", "WRITE/s", "PIDS", "FREE", "AGE"];

    /// <summary>What rows can be sorted by.</summary>
    internal static readonly string[] Orders = ["node", "cpu", "memory", "io", "pressure"];

    /// <summary>Rows with the columns of <see cref="Header"/>.</summary>
    /// <param name="nodes">One round.</param>
    /// <param name="at">When the round was made, by the clock that the nodes' times are of.</param>
    /// <param name="order">One of <see cref="Orders"/>; by use the greatest first, and what is unknown last.</param>
    internal static IEnumerable<string[]> Of(IEnumerable<NodeTop> nodes, DateTimeOffset at, string order)
    {
        var rows = nodes.SelectMany(node => node.Units.DefaultIfEmpty(), (node, usage) => (Node: node, Usage: usage)).ToArray();
        IEnumerable<(NodeTop Node, CgroupUsage? Usage)> sorted = order == Orders[0] ? rows : rows.OrderByDescending(row => Weight(row.Usage, order));
        return sorted.Select(row => Row(row.Node, row.Usage, at));
    }

    private static string[] Row(NodeTop node, CgroupUsage? usage, DateTimeOffset at) => usage is null
        ? [node.Node, "-", "-", "-", "-", "-", "-", "-", "-", CapacityText.FreeMemory(node.Capacity), Age(node, at, isFirst: true)]
        :
        [
            node.Node,
            usage.Unit,
            usage.HasCpus ? usage.Cpus.ToString("0.00", CultureInfo.InvariantCulture) : "-",
            usage.HasMemoryCurrent ? UsageText.Size(usage.MemoryCurrent) : "-",
            Limit(usage),
            Pressure(usage),
            usage.HasIoReadBytesPerSecond ? UsageText.Size(usage.IoReadBytesPerSecond) : "-",
            usage.HasIoWrittenBytesPerSecond ? UsageText.Size(usage.IoWrittenBytesPerSecond) : "-",
            usage.HasPidsCurrent ? usage.PidsCurrent.ToString(CultureInfo.InvariantCulture) : "-",
            // What is free is the node's, and stands beside QM as a whole.
            usage == node.Units[0] && usage.Unit == "qm.service" ? CapacityText.FreeMemory(node.Capacity) : "-",
            Age(node, at, isFirst: usage == node.Units[0]),
        ];

    // What does not run has no usage, and what nobody hears has none that is known: the two are told apart in words. What is so of the node is told once.
    private static string Age(NodeTop node, DateTimeOffset at, bool isFirst)
    {
        if (node.UnknownSince is { } since)
        {
            return $"unknown for {Durations.Since(since, at)}: {node.UnknownBecause}";
        }

        var age = Durations.Since(node.ReadAt, at);
        var left = node.LeftOut > 0 ? string.Create(CultureInfo.InvariantCulture, $"  {node.LeftOut} containers are left out") : "";
        return isFirst ? $"{age}{string.Concat(node.Problems.Select(problem => $"  {problem}"))}{left}" : age;
    }

    private static string Limit(CgroupUsage usage) => usage is not { HasMemoryMax: true, MemoryMax: > 0 } ? "-"
        : usage.HasMemoryCurrent
            ? string.Create(CultureInfo.InvariantCulture, $"{UsageText.Size(usage.MemoryMax)} {100.0 * usage.MemoryCurrent / usage.MemoryMax:0}%")
            : UsageText.Size(usage.MemoryMax);

    // Of the last ten seconds, per cent; what is waited for most.
    private static string Pressure(CgroupUsage usage) =>
        Pressures(usage).OrderByDescending(pressure => pressure.Of.Some.Avg10).FirstOrDefault() is { Of: { } worst } found
            ? string.Create(CultureInfo.InvariantCulture, $"{found.Name} {worst.Some.Avg10:0.0}/{(worst.Full is { } full ? full.Avg10.ToString("0.0", CultureInfo.InvariantCulture) : "-")}")
            : "-";

    private static IEnumerable<(string Name, Pressure Of)> Pressures(CgroupUsage usage) =>
        new[] { ("memory", usage.MemoryPressure), ("cpu", usage.CpuPressure), ("io", usage.IoPressure) }.Where(pressure => pressure.Item2?.Some is not null);

    private static double Weight(CgroupUsage? usage, string order) => usage is null ? double.NegativeInfinity : order switch
    {
        "cpu" => usage.HasCpus ? usage.Cpus : -1,
        "memory" => usage.HasMemoryCurrent ? usage.MemoryCurrent : -1,
        "io" => usage.HasIoReadBytesPerSecond || usage.HasIoWrittenBytesPerSecond ? (double)usage.IoReadBytesPerSecond + usage.IoWrittenBytesPerSecond : -1,
        _ => Pressures(usage).Select(pressure => pressure.Of.Some.Avg10).DefaultIfEmpty(-1).Max(),
    };
}
