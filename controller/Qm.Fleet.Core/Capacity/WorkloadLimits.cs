using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Resources;

namespace Qm.Fleet.Core.Capacity;

/// <summary>What the workloads inside QM declare of memory, added up.</summary>
/// <param name="MemoryMax">Bytes that those with a limit may take together.</param>
/// <param name="MemoryMin">Bytes that are never reclaimed from them, together.</param>
/// <param name="Unlimited">How many have no limit of their own.</param>
public readonly record struct WorkloadLimits(long MemoryMax, long MemoryMin, int Unlimited)
{
    /// <summary>What workloads declare.</summary>
    /// <param name="workloads">The workloads.</param>
    /// <param name="machine">What percentages refer to.</param>
    public static WorkloadLimits Of(IReadOnlyCollection<Workload> workloads, MachineFacts machine)
    {
        var limits = workloads.Select(workload => MemoryMaxOf(workload, machine)).ToArray();
        return new(Sum(limits), Sum(workloads.Select(workload => Service(workload, ResourceProperty.MemoryMin, machine))), limits.Count(limit => limit is null));
    }

    /// <summary>The memory that a workload may take: the least of MemoryMax of its [Service], Memory of its [Container], and --memory of its PodmanArgs; null when none limits it.</summary>
    internal static long? MemoryMaxOf(Workload workload, MachineFacts machine) =>
        new[] { Service(workload, ResourceProperty.MemoryMax, machine), Podman(workload) }.Where(limit => limit is not null).Min();

    private static long? Service(Workload workload, ResourceProperty property, MachineFacts machine) =>
        Last(workload, "Service", property.ToString()) is { } text && ResourceValues.TryParse(property, text, out var value, out _)
            && value is ResourceValue.Bytes or ResourceValue.Percent && (value is not ResourceValue.Percent || machine.Whole(property) > 0)
            ? Clamp(LiveProperty.Amount(property, value, machine))
            : null;

    private static long? Podman(Workload workload)
    {
        var options = Values(workload, "Container", "PodmanArgs").SelectMany(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries)).ToArray();
        var said = options.Select((option, index) => option.StartsWith("--memory=", StringComparison.Ordinal) ? option["--memory=".Length..]
            : option is "--memory" or "-m" ? options.ElementAtOrDefault(index + 1) : null);
        return said.Prepend(Last(workload, "Container", "Memory")).OfType<string>().Select(Size).Where(size => size is > 0).Min();
    }

    // Podman's units: b, k, m and g, of 1024 each.
    private static long? Size(string text)
    {
        var isPlain = text.Length > 0 && char.IsAsciiDigit(text[^1]);
        var shift = isPlain || text.Length == 0 ? 0 : char.ToLowerInvariant(text[^1]) switch { 'b' => 0, 'k' => 10, 'm' => 20, 'g' => 30, _ => -1 };
        return shift >= 0 && ulong.TryParse(isPlain ? text : text[..^Math.Min(1, text.Length)], System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var number) && number <= (ulong)(long.MaxValue >> shift)
            ? (long)number << shift
            : null;
    }

    private static string? Last(Workload workload, string section, string key) => Values(workload, section, key) is [.., { Length: > 0 } last] ? last : null;

    private static string[] Values(Workload workload, string section, string key) =>
        workload.Quadlet.GetValueOrDefault(section)?.GetValueOrDefault(key) is { IsDefault: false } values ? [.. values] : [];

    private static long Clamp(ulong bytes) => (long)Math.Min(bytes, long.MaxValue);

    // Somebody's typing error is no reason to overflow.
    private static long Sum(IEnumerable<long?> sizes) => sizes.Aggregate(0L, (sum, size) => size is { } bytes ? bytes > long.MaxValue - sum ? long.MaxValue : sum + bytes : sum);
}
