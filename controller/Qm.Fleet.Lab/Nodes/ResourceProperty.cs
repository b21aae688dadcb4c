using System.Collections.Frozen;
using System.Globalization;
using Qm.Fleet.BlueChi.Bus;

namespace Qm.Fleet.Lab.Nodes;

/// <summary>
/// One resource-control setting of systemd: its key in unit files, its D-Bus property and its cgroup files. Every value is a ulong with
/// <see cref="ulong.MaxValue"/> for infinity or unset; AllowedCPUs is a bit mask. Written from systemd.resource-control(5) and from what a
/// real systemd answered, not with the controller's own types, so that a mistake there does not repeat itself here.
/// </summary>
internal sealed record ResourceProperty(
    string Key, string Name, ulong Default, ulong Least, ulong Most,
    Func<string, Machine, ulong?> Parse, Func<ulong, string> Format, Func<ulong, IEnumerable<(string File, string Content)>> Kernel)
{
    public const ulong Infinity = ulong.MaxValue;
    private const ulong Idle = 0;

    /// <summary>All of them, by D-Bus property name.</summary>
    public static FrozenDictionary<string, ResourceProperty> ByName { get; } = All().ToFrozenDictionary(property => property.Name);

    /// <summary>All of them, by key in unit files.</summary>
    public static FrozenDictionary<string, ResourceProperty> ByKey { get; } = All().ToFrozenDictionary(property => property.Key);

    /// <summary>The value as it stands on D-Bus.</summary>
    public BusValue ToDBus(ulong value) => Name == "AllowedCPUs" ? new BusValue.Bytes([.. MaskBytes(value)]) : new BusValue.UInt64(value);

    /// <summary>Reads a value set over D-Bus. Throws <see cref="SystemdRefusal"/> as systemd refuses.</summary>
    public ulong FromDBus(BusValue value) => value switch
    {
        BusValue.Bytes mask when Name == "AllowedCPUs" => mask.Value.Take(8).Select((bits, index) => (ulong)bits << (8 * index)).Aggregate(0UL, (a, b) => a | b),
        BusValue.UInt64 { Value: var number } when Name != "AllowedCPUs" =>
            number == Infinity || (number >= Least && number <= Most) ? number : throw SystemdRefusal.OutOfRange(Name),
        _ => throw SystemdRefusal.WrongType(),
    };

    private static IEnumerable<ResourceProperty> All() =>
    [
        new("CPUWeight", "CPUWeight", Infinity, Idle, 10000, (text, _) => text == "idle" ? Idle : Count(text, 1, 10000),
            value => value switch { Idle => "idle", Infinity => "", _ => Number(value) },
            value => [("cpu.weight", value switch { Idle => "1", Infinity => "100", _ => Number(value) }), ("cpu.idle", value == Idle ? "1" : "0")]),
        new("CPUQuota", "CPUQuotaPerSecUSec", Infinity, 1, Infinity, (text, _) => text.EndsWith('%') && Count(text[..^1], 1, 1_000_000) is { } percent ? percent * 10_000 : null,
            value => value == Infinity ? "" : $"{Number(value / 10_000)}%",
            value => [("cpu.max", value == Infinity ? "max 100000" : $"{Number(value / 10)} 100000")]),
        // A set that was emptied is not brought to the kernel: systemd has no reason left to care for the controller.
        new("AllowedCPUs", "AllowedCPUs", 0, 0, Infinity, (text, _) => Mask(text), Ranges, value => value == 0 ? [] : [("cpuset.cpus", Ranges(value))]),
        Memory("MemoryMin", "memory.min", 0, 0),
        Memory("MemoryLow", "memory.low", 0, 0),
        Memory("MemoryHigh", "memory.high", Infinity, 1),
        Memory("MemoryMax", "memory.max", Infinity, 1),
        Memory("MemorySwapMax", "memory.swap.max", Infinity, 0),
        new("IOWeight", "IOWeight", Infinity, 1, 10000, (text, _) => Count(text, 1, 10000), value => value == Infinity ? "" : Number(value),
            value => [("io.weight", $"default {(value == Infinity ? "100" : Number(value))}")]),
        new("TasksMax", "TasksMax", Infinity, 1, Infinity - 1,
            (text, machine) => text == "infinity" ? Infinity : Share(text) is { } share ? machine.TasksShare(share) : Count(text, 1, Infinity - 1),
            Limit, value => [("pids.max", value == Infinity ? "max" : Number(value))]),
    ];

    private static ResourceProperty Memory(string key, string file, ulong unset, ulong least) => new(key, key, unset, least, Infinity - 1,
        (text, machine) => text == "infinity" ? Infinity : Share(text) is { } share ? machine.MemoryShare(share) : Size(text), Limit,
        value => [(file, value == Infinity ? "max" : Number(value / Machine.PageBytes * Machine.PageBytes))]);

    private static string Limit(ulong value) => value == Infinity ? "infinity" : Number(value);

    private static string Number(ulong value) => value.ToString(CultureInfo.InvariantCulture);

    private static ulong? Count(string text, ulong least, ulong most) =>
        ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value >= least && value <= most ? value : null;

    private static double? Share(string text) =>
        text.EndsWith('%') && double.TryParse(text[..^1], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var percent) && percent <= 100
            ? percent / 100 : null;

    private static ulong? Size(string text)
    {
        var power = text.Length == 0 ? -1 : "KMGT".IndexOf(text[^1], StringComparison.Ordinal);
        var digits = power < 0 ? text : text[..^1];
        return double.TryParse(digits, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value) ? (ulong)(value * Math.Pow(1024, power + 1)) : null;
    }

    private static ulong? Mask(string text)
    {
        var mask = 0UL;
        foreach (var range in text.Split([' ', ','], StringSplitOptions.RemoveEmptyEntries))
        {
            var ends = range.Split('-');
            if (ends.Length > 2 || Count(ends[0], 0, 63) is not { } first || Count(ends[^1], first, 63) is not { } last)
            {
                return null;
            }

            for (var cpu = first; cpu <= last; cpu++)
            {
                mask |= 1UL << (int)cpu;
            }
        }

        return mask;
    }

    private static string Ranges(ulong mask)
    {
        var ranges = new List<string>();
        for (var cpu = 0; cpu < 64; cpu++)
        {
            if ((mask >> cpu & 1) == 0)
            {
                continue;
            }

            var first = cpu;
            while (cpu < 63 && (mask >> (cpu + 1) & 1) == 1)
            {
                cpu++;
            }

            ranges.Add(first == cpu ? $"{first}" : $"{first}-{cpu}");
        }

        return string.Join(',', ranges);
    }

    private static byte[] MaskBytes(ulong mask)
    {
        var bytes = BitConverter.GetBytes(mask);
        return bytes[..(Array.FindLastIndex(bytes, part => part != 0) + 1)];
    }
}
