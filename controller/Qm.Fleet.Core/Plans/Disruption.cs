using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Core.Revisions;

namespace Qm.Fleet.Core.Plans;

/// <summary>What a change disrupts; the numbers are those of the wire, and a higher one disrupts more.</summary>
public enum Disruption
{
    /// <summary>Nothing that runs.</summary>
    None = 0,

    /// <summary>A workload starts, stops or restarts.</summary>
    Workload = 1,

    /// <summary>A BlueChi agent restarts: what runs goes on, and cannot be reached for a while.</summary>
    Link = 2,

    /// <summary>QM starts or restarts, and everything in it.</summary>
    Qm = 3,
}

/// <summary>What acts disrupt.</summary>
public static class Disruptions
{
    /// <summary>What an act disrupts.</summary>
    public static Disruption Of(NodeStep.Act act) => act switch
    {
        NodeStep.StartQm or NodeStep.RestartQm or NodeStep.Heal { Unit: QmNode.Unit } => Disruption.Qm,
        NodeStep.RestartHostAgent or NodeStep.RestartQmAgent => Disruption.Link,
        NodeStep.StopWorkload or NodeStep.RunWorkload or NodeStep.Heal or NodeStep.Freeze => Disruption.Workload,
        _ => Disruption.None,
    };

    /// <summary>The most that any of them disrupts.</summary>
    public static Disruption Of(IEnumerable<NodeStep.Act> acts) => acts.Select(Of).Append(Disruption.None).Max();
}
