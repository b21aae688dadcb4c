using System.Globalization;

namespace Qm.Fleet.Core.Resources;

/// <summary>A limit as systemd takes it over D-Bus while the unit runs.</summary>
/// <param name="Name">The D-Bus property; for CPUQuota it is CPUQuotaPerSecUSec.</param>
/// <param name="Number">The value (<c>t</c>); the largest number is infinity, 0 is idle for a weight.</param>
/// <param name="CpuMask">For AllowedCPUs, one bit for each CPU (<c>ay</c>); null for every other property.</param>
public sealed record LiveProperty(string Name, ulong Number, byte[]? CpuMask)
{
    /// <summary>For a limit that holds for each device by itself, path and limit of those that change (<c>a(st)</c>); null for every other property.</summary>
    public DeviceLimits? Devices { get; init; }

    /// <summary>For a property that takes a word, the word (<c>s</c>); null for every other property.</summary>
    public string? Word { get; init; }

    /// <summary>For ManagedOOMMemoryPressureLimit, its share of 2^32 - 1 (<c>u</c>); null for every other property.</summary>
    public uint? Scale { get; init; }

    /// <summary>For a property that is on or off, whether it is on (<c>b</c>); null for every other property.</summary>
    public bool? Switch { get; init; }

    /// <summary>Everything that is to be set in one call for some limits to take effect at once.</summary>
    /// <remarks>
    /// systemd only notes ManagedOOMPreference; it marks the unit's cgroup with it when it next brings limits to the kernel. Memory accounting, which is on
    /// wherever systemd's default was not changed, makes it do that and changes nothing else.
    /// </remarks>
    public static IEnumerable<LiveProperty> Of(IReadOnlyCollection<KeyValuePair<ResourceProperty, ResourceValue>> limits, MachineFacts machine) => limits
        .Select(limit => From(limit.Key, limit.Value, machine))
        .Concat(limits.Any(limit => limit.Key == ResourceProperty.ManagedOOMPreference) ? [new LiveProperty("MemoryAccounting", 0, null) { Switch = true }] : []);

    /// <summary>The D-Bus form of a limit.</summary>
    /// <remarks>
    /// Percentages become numbers here: systemd's Scale properties write a drop-in that sorts after the plain one and
    /// beats every later change of it.
    /// </remarks>
    public static LiveProperty From(ResourceProperty property, ResourceValue value, MachineFacts machine) => value switch
    {
        ResourceValue.Cpus cpus => new(property.ToString(), 0, cpus.Set.ToMask()),
        // An empty set changes what systemd says and leaves the kernel's as it was; every CPU by name does lift the limit.
        ResourceValue.Infinity when property == ResourceProperty.AllowedCPUs => new(property.ToString(), 0, machine.Cpus?.ToMask() ?? []),
        ResourceValue.Devices devices => new(property.ToString(), 0, null) { Devices = devices.Limits },
        ResourceValue.Word word => new(property.ToString(), 0, null) { Word = word.Value },
        ResourceValue.Percent percent when property.IsManagedOom() => new(property.ToString(), 0, null) { Scale = ManagedOom.ToScale(percent.Permyriad) },
        _ => new(property == ResourceProperty.CPUQuota ? "CPUQuotaPerSecUSec" : property.ToString(), Amount(property, value, machine), null),
    };

    /// <summary>The number behind a value, percentages taken of what the machine has.</summary>
    internal static ulong Amount(ResourceProperty property, ResourceValue value, MachineFacts machine) => value switch
    {
        ResourceValue.Idle => 0,
        ResourceValue.Weight weight => (ulong)weight.Value,
        ResourceValue.Quota quota => (ulong)quota.MicrosecondsPerSecond,
        ResourceValue.Bytes bytes => bytes.Value,
        ResourceValue.Count count => count.Value,
        ResourceValue.Percent percent => (ulong)(Math.Max(machine.Whole(property), 0) * (decimal)percent.Permyriad / 10_000m),
        _ => ulong.MaxValue,
    };

    /// <inheritdoc/>
    public override string ToString() => this switch
    {
        { CpuMask: { } mask } => $"{Name}={CpuSet.FromMask(mask)}",
        { Devices: { } devices } => $"{Name}={string.Join(',', devices.ByPath.Select(limit => $"{limit.Key} {Text(limit.Value)}"))}",
        { Word: { } word } => $"{Name}={word}",
        { Scale: { } scale } => $"{Name}={new ResourceValue.Percent(ManagedOom.FromScale(scale))}",
        { Switch: { } isOn } => $"{Name}={(isOn ? "yes" : "no")}",
        _ => $"{Name}={Text(Number)}",
    };

    private static string Text(ulong number) => number == ulong.MaxValue ? "infinity" : number.ToString(CultureInfo.InvariantCulture);
}
