using System.Collections.Immutable;
using Qm.Fleet.Core.Capacity;
using Qm.Fleet.Core.Resources;
using Qm.Fleet.Core.Rollouts;
using Qm.Fleet.Core.Selectors;
using Qm.Fleet.Core.Supervision;

namespace Qm.Fleet.Core.Environments;

/// <summary>A Fleet that was checked.</summary>
/// <param name="Name">A DNS label.</param>
/// <param name="Labels">Its own labels.</param>
/// <param name="Selector">Which nodes it takes; has at least one condition.</param>
/// <param name="Environment">What they shall run.</param>
/// <param name="Rollout">How they move from one revision to the next.</param>
public sealed record FleetSpec(
    string Name, ImmutableSortedDictionary<string, string> Labels, LabelSelector Selector, FleetEnvironment Environment, RolloutPolicy Rollout)
{
    /// <summary>How many revisions are kept when nothing is said of it.</summary>
    public const int DefaultRevisionHistoryLimit = 10;

    /// <summary>How its nodes are healed when what they run fails.</summary>
    public SupervisionPolicy Supervision { get; init; } = SupervisionPolicy.Default;

    /// <summary>What of each node is kept for its safety software; null when nothing is said of it, so that it is <see cref="AsilReserve.Default"/>.</summary>
    public AsilReserve? AsilReserve { get; init; }

    /// <summary>What becomes of its nodes when it is deleted.</summary>
    public OnDelete OnDelete { get; init; }

    /// <summary>How many revisions are kept, the current one included; those that nodes have or may go back to are kept beside.</summary>
    public int RevisionHistoryLimit { get; init; } = DefaultRevisionHistoryLimit;
}

/// <summary>What becomes of the nodes of a fleet that is deleted. Numbers are stored.</summary>
public enum OnDelete
{
    /// <summary>Everything that the fleet brought is taken away again, as a rollout does it; the fleet is gone when the last node is clean.</summary>
    Remove = 0,

    /// <summary>They keep what they have, and nobody looks after it any more.</summary>
    Orphan = 1,
}

/// <summary>A Node that was checked.</summary>
/// <param name="Name">BlueChi's node name of the host.</param>
/// <param name="Labels">Its labels.</param>
/// <param name="Site">The site it belongs to.</param>
/// <param name="Cordoned">Whether it is to be left alone.</param>
public sealed record NodeSpec(string Name, ImmutableSortedDictionary<string, string> Labels, string Site, bool Cordoned)
{
    /// <summary>Whether people work on it: it is watched, and nothing on it is healed.</summary>
    public bool Maintenance { get; init; }
}

/// <summary>What a node shall run; sorted throughout, so that equal environments are written equally.</summary>
public sealed record FleetEnvironment
{
    /// <summary>Whether the rootfs is part of the node's image and only verified.</summary>
    public bool RootfsPreinstalled { get; init; }

    /// <summary>The archive the rootfs is unpacked from; null when QM Fleet does not bring it.</summary>
    public RootfsArchive? RootfsArchive { get; init; }

    /// <summary>Limits of qm.service; what is absent is left to the node.</summary>
    public ImmutableSortedDictionary<ResourceProperty, ResourceValue> Resources { get; init; } =
        ImmutableSortedDictionary<ResourceProperty, ResourceValue>.Empty;

    /// <summary>OOM scores.</summary>
    public OomScores Oom { get; init; } = new(null, null, ImmutableSortedDictionary<string, int>.Empty);

    /// <summary>Keys of agent.conf for the BlueChi agent of the host; empty leaves it alone.</summary>
    public ImmutableSortedDictionary<string, string> HostAgent { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>Keys of agent.conf for the BlueChi agent inside QM.</summary>
    public ImmutableSortedDictionary<string, string> QmAgent { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>Containers inside QM, by name.</summary>
    public ImmutableArray<Workload> Workloads { get; init; } = [];

    /// <summary>What happens to a node that somebody changed by hand.</summary>
    public DriftPolicy Drift { get; init; }
}

/// <summary>What happens to a node that had everything as wanted, was confirmed, and was changed by somebody else since.</summary>
public enum DriftPolicy
{
    /// <summary>It is put back.</summary>
    Heal = 0,

    /// <summary>It is told, and left as it is; QM and its workloads are still started when they are down.</summary>
    Report = 1,
}

/// <summary>OOM scores; null leaves the node's own.</summary>
/// <param name="Qm">Of QM.</param>
/// <param name="Nested">Of containers inside QM.</param>
/// <param name="Asil">Of safety units of the host.</param>
public sealed record OomScores(int? Qm, int? Nested, ImmutableSortedDictionary<string, int> Asil);

/// <summary>One container inside QM.</summary>
/// <param name="Name">Its unit is <c>name.service</c>.</param>
/// <param name="Quadlet">Section to key to values; sections and keys sorted, values in the order given.</param>
/// <param name="OomScoreAdjust">Its own OOM score; null for the nested one.</param>
public sealed record Workload(
    string Name, ImmutableSortedDictionary<string, ImmutableSortedDictionary<string, ImmutableArray<string>>> Quadlet, int? OomScoreAdjust)
{
    /// <summary>How it is found out whether it works; null for no other way than its unit's state.</summary>
    public LivenessProbe? LivenessProbe { get; init; }
}
