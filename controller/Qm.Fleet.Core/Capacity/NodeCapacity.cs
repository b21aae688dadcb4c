using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Resources;

namespace Qm.Fleet.Core.Capacity;

/// <summary>What limits let QM take of a node, against what the node has less what is kept for its safety software.</summary>
/// <param name="Memory">In bytes, with MemoryMax as the limit.</param>
/// <param name="Cpus">In thousandths of a CPU, with the lesser of CPUQuota and AllowedCPUs as the limit.</param>
/// <param name="Tasks">In tasks, with TasksMax as the limit.</param>
/// <param name="MemoryHigh">Bytes above which QM is throttled; null for none.</param>
/// <param name="MemoryMin">Bytes that are never reclaimed from QM; null for none.</param>
/// <param name="Workloads">What the workloads inside it declare.</param>
public sealed record NodeCapacity(CapacityShare Memory, CapacityShare Cpus, CapacityShare Tasks, long? MemoryHigh, long? MemoryMin, WorkloadLimits Workloads)
{
    /// <summary>The capacity of a node under an environment.</summary>
    /// <param name="environment">What the node shall run.</param>
    /// <param name="reserve">What is kept for safety software.</param>
    /// <param name="machine">What the node has; a number that is not above 0 is unknown.</param>
    public static NodeCapacity Of(FleetEnvironment environment, AsilReserve reserve, MachineFacts machine)
    {
        var resources = environment.Resources;
        return new(
            new(Math.Max(machine.MemoryBytes, 0), Number(ResourceProperty.MemoryMax, reserve.Memory) ?? 0, Declared(ResourceProperty.MemoryMax)),
            new(1000L * (machine.Cpus?.Indices.Count ?? 0), reserve.MilliCpus, Cpus()),
            new(Math.Max(machine.TasksMax, 0), Number(ResourceProperty.TasksMax, reserve.Tasks) ?? 0, Declared(ResourceProperty.TasksMax)),
            Declared(ResourceProperty.MemoryHigh),
            Declared(ResourceProperty.MemoryMin),
            WorkloadLimits.Of(environment.Workloads, machine));

        long? Declared(ResourceProperty property) => resources.GetValueOrDefault(property) is { } value ? Number(property, value) : null;

        // A share of what nobody knows is nothing anybody could count with.
        long? Number(ResourceProperty property, ResourceValue value) =>
            value is ResourceValue.Infinity || (value is ResourceValue.Percent && machine.Whole(property) <= 0)
                ? null
                : (long)Math.Min(LiveProperty.Amount(property, value, machine), long.MaxValue);

        long? Cpus()
        {
            var quota = resources.GetValueOrDefault(ResourceProperty.CPUQuota) is ResourceValue.Quota { MicrosecondsPerSecond: var microseconds } ? microseconds / 1000 : (long?)null;
            var allowed = resources.GetValueOrDefault(ResourceProperty.AllowedCPUs) is ResourceValue.Cpus { Set: var set }
                ? 1000L * (machine.Cpus is { } online ? set.Indices.Count(online.Indices.Contains) : set.Indices.Count)
                : (long?)null;
            return (quota, allowed) is ({ } time, { } places) ? Math.Min(time, places) : quota ?? allowed;
        }
    }
}

/// <summary>One resource of a node.</summary>
/// <param name="Has">What the node has; 0 when unknown.</param>
/// <param name="Reserve">What is kept for safety software.</param>
/// <param name="Declared">The most that QM may take as its limits say; null when nothing limits it.</param>
public readonly record struct CapacityShare(long Has, long Reserve, long? Declared)
{
    /// <summary>What is left when QM takes all it may and safety software all that is kept for it; below 0 for what is promised twice, 0 while nobody knows what there is.</summary>
    public long Free => Has == 0 ? 0 : Has - Reserve - Math.Min(Declared ?? Has, Has);
}
