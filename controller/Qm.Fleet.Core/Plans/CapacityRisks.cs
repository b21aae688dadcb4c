using System.Collections.Immutable;
using System.Globalization;
using Qm.Fleet.Core.Capacity;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Resources;

namespace Qm.Fleet.Core.Plans;

/// <summary>Where limits promise more than nodes have, less what is kept for their safety software.</summary>
internal static class CapacityRisks
{
    private const string Resources = "spec.environment.resources";

    // Nodes of which the same is to be said stand together, whatever else they have.
    internal static IEnumerable<Finding> Of(FleetSpec fleet, IReadOnlyCollection<PlannedNode> nodes) => nodes
        .Where(node => node.View.Evidence is not null)
        .OrderBy(node => node.View.Evidence!.Machine.MemoryBytes)
        .SelectMany(node => Of(fleet, NodeCapacity.Of(fleet.Environment, fleet.AsilReserve ?? AsilReserve.Default, node.View.Evidence!.Machine), node.View.Evidence.Machine), (node, finding) => (node, finding))
        .GroupBy(found => found.finding, found => found.node)
        .Select(found => found.Key with { Nodes = FleetRisks.Names(found) });

    private static IEnumerable<Finding> Of(FleetSpec fleet, NodeCapacity capacity, MachineFacts machine)
    {
        var (memory, cpus, tasks) = (capacity.Memory, capacity.Cpus, capacity.Tasks);
        if (Exceeds(memory, memory.Declared))
        {
            yield return Warning(Finding.MemoryOverCommitted, $"{Resources}.MemoryMax",
                $"MemoryMax {fleet.Environment.Resources[ResourceProperty.MemoryMax]} and {Gigabytes(memory.Reserve)} for the rest of the node are more than the {Gigabytes(memory.Has)} it has");
        }

        if (Exceeds(memory, capacity.MemoryMin))
        {
            yield return Warning(Finding.MemoryMinTakesReserve, $"{Resources}.MemoryMin",
                $"MemoryMin {fleet.Environment.Resources[ResourceProperty.MemoryMin]} is never reclaimed from QM, so of the {Gigabytes(memory.Has)} it has less than the {Gigabytes(memory.Reserve)} kept for safety software may be left");
        }

        // Without a reserve of its own safety software has the CPU first, because QM's weight is the lesser.
        if (cpus.Reserve > 0 && Exceeds(cpus, cpus.Declared ?? cpus.Has))
        {
            yield return Warning(Finding.CpusOverCommitted, $"{Resources}.CPUQuota",
                $"QM may use {Cpus(Math.Min(cpus.Declared ?? cpus.Has, cpus.Has))} CPUs, and {Cpus(cpus.Reserve)} are kept for safety software: more than the {Cpus(cpus.Has)} it has; CPUQuota or AllowedCPUs bounds them");
        }

        if (tasks.Reserve > 0 && Exceeds(tasks, tasks.Declared ?? tasks.Has))
        {
            yield return Warning(Finding.TasksOverCommitted, $"{Resources}.TasksMax", string.Create(CultureInfo.InvariantCulture,
                $"QM may have {Math.Min(tasks.Declared ?? tasks.Has, tasks.Has)} tasks, and {tasks.Reserve} are kept for safety software: more than the {tasks.Has} it grants; TasksMax bounds them"));
        }

        foreach (var workload in fleet.Environment.Workloads)
        {
            if (memory.Declared is { } most && WorkloadLimits.MemoryMaxOf(workload, machine) is { } own && own > most)
            {
                yield return Warning(Finding.WorkloadAboveQm, $"spec.environment.workloads[{workload.Name}].quadlet",
                    $"workload {workload.Name} may take {Gigabytes(own)}, and QM as a whole {Gigabytes(most)}, so its own limit is never reached");
            }
        }

        if (memory.Declared is { } whole && capacity.Workloads.MemoryMax > whole)
        {
            yield return new(Finding.WorkloadsOverCommitted, Severity.Info, "spec.environment.workloads", ImmutableArray<string>.Empty,
                $"the limits of the workloads come to {Gigabytes(capacity.Workloads.MemoryMax)}, and QM may take {Gigabytes(whole)}: when all take what they may, QM's limit kills before theirs");
        }
    }

    private static bool Exceeds(CapacityShare share, long? taken) => share.Has > 0 && taken is { } amount && (Int128)amount + share.Reserve > share.Has;

    private static Finding Warning(string rule, string path, string message) => new(rule, Severity.Warning, path, ImmutableArray<string>.Empty, message);

    private static string Gigabytes(long bytes) => string.Create(CultureInfo.InvariantCulture, $"{bytes / (double)(1L << 30):0.#}G");

    private static string Cpus(long thousandths) => (thousandths / 1000m).ToString("0.###", CultureInfo.InvariantCulture);
}
