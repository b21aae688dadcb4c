namespace Qm.Fleet.Core.Resources;

/// <summary>A limit as systemd takes it over D-Bus while the unit runs.</summary>
/// <param name="Name">The D-Bus property; for CPUQuota it is CPUQuotaPerSecUSec.</param>
/// <param name="Number">The value; the largest number is infinity, 0 is idle for a weight.</param>
/// <param name="CpuMask">For AllowedCPUs, one bit for each CPU; null for every other property.</param>
public sealed record LiveProperty(string Name, ulong Number, byte[]? CpuMask)
{
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
    public override string ToString() => CpuMask is { } mask ? $"{Name}={CpuSet.FromMask(mask)}" : Number == ulong.MaxValue ? $"{Name}=infinity" : $"{Name}={Number}";
}
