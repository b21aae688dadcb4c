using Qm.Fleet.Core.Resources;

namespace Qm.Fleet.Core.Capacity;

/// <summary>What of each node is kept for its safety software, and so is not QM's to take.</summary>
/// <remarks>It lands on no node, so it is the fleet's and not its environment's: changing it makes no revision. Where nodes differ in size, a share fits them all.</remarks>
/// <param name="Memory">Bytes, or a share of the node's memory.</param>
/// <param name="MilliCpus">Thousandths of a CPU.</param>
/// <param name="Tasks">A number, or a share of the most that the node grants.</param>
public sealed record AsilReserve(ResourceValue Memory, long MilliCpus, ResourceValue Tasks)
{
    /// <summary>What is kept where a fleet does not say: 1 GiB of memory.</summary>
    public static AsilReserve Default { get; } = new(new ResourceValue.Bytes(1UL << 30), 0, new ResourceValue.Count(0));
}
