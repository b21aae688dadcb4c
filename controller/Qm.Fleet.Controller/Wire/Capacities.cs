using Qm.Fleet.Core.Capacity;

namespace Qm.Fleet.Controller.Wire;

/// <summary>Capacities as wire messages.</summary>
internal static class Capacities
{
    /// <summary>What limits let QM take of a node.</summary>
    public static V1.NodeCapacity ToWire(NodeCapacity capacity)
    {
        var wire = new V1.NodeCapacity
        {
            Memory = ToWire(capacity.Memory),
            Cpus = ToWire(capacity.Cpus),
            Tasks = ToWire(capacity.Tasks),
            WorkloadsMemoryMax = capacity.Workloads.MemoryMax,
            WorkloadsMemoryMin = capacity.Workloads.MemoryMin,
            WorkloadsWithoutMemoryMax = capacity.Workloads.Unlimited,
        };
        if (capacity.MemoryHigh is { } high)
        {
            wire.MemoryHigh = high;
        }
        if (capacity.MemoryMin is { } min)
        {
            wire.MemoryMin = min;
        }
        return wire;
    }

    private static V1.CapacityShare ToWire(CapacityShare share)
    {
        var wire = new V1.CapacityShare { Has = share.Has, Reserve = share.Reserve, Free = share.Free };
        if (share.Declared is { } declared)
        {
            wire.Declared = declared;
        }
        return wire;
    }
}
