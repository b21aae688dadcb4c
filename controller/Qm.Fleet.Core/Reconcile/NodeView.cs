using System.Collections.Immutable;
using Qm.Fleet.Core.Revisions;

namespace Qm.Fleet.Core.Reconcile;

/// <summary>How a BlueChi node was last heard of.</summary>
public enum Presence
{
    /// <summary>Nothing is known, because BlueChi itself is not heard.</summary>
    Unknown = 0,

    /// <summary>BlueChi says it is not connected.</summary>
    Offline = 1,

    /// <summary>BlueChi says it is connected.</summary>
    Online = 2,
}

/// <summary>Everything a decision about one node is made from.</summary>
public sealed record NodeView
{
    /// <summary>BlueChi's node name of the host.</summary>
    public required string Name { get; init; }

    /// <summary>What the node shall have; null when no fleet, or more than one, selects it.</summary>
    public RenderedRevision? Desired { get; init; }

    /// <summary>Why <see cref="Desired"/> is null.</summary>
    public string NotDesiredBecause { get; init; } = "no fleet selects this node";

    /// <summary>Whether people asked that the node be left alone.</summary>
    public bool Cordoned { get; init; }

    /// <summary>Why the wanted revision is known to be bad here; null when it is not.</summary>
    public string? KnownBad { get; init; }

    /// <summary>Whether the rollout lets this node move now; staging needs no leave.</summary>
    public bool MayMove { get; init; }

    /// <summary>What keeps the node from being disrupted right now although it is its turn: a closed window or a precondition; null when nothing does.</summary>
    public NodeStep.Wait? Held { get; init; }

    /// <summary>Whether the node has what it shall have, confirmed, and a supervisor looks after what fails on it.</summary>
    public bool IsSupervised { get; init; }

    /// <summary>Who has units of the node in hand on a person's behalf; null when nobody has. Until that is over nothing is done to it.</summary>
    public string? Operation { get; init; }

    /// <summary>Workloads that a person stopped, by unit: they are left so.</summary>
    public ImmutableSortedSet<string> Left { get; init; } = [];

    /// <summary>How long the node waits for the confirmation of a change that could cut it off, before what the change starts is added.</summary>
    public TimeSpan LinkConfirmWithin { get; init; } = ConfirmDeadline.Link;

    /// <summary>The host, through BlueChi.</summary>
    public Presence Host { get; init; }

    /// <summary>QM, through BlueChi.</summary>
    public Presence Qm { get; init; }

    /// <summary>What the agent extension read; null while it is not connected or has not reported.</summary>
    public NodeEvidence? Evidence { get; init; }

    /// <summary>qm.service on the host; null when it could not be read.</summary>
    public UnitReading? QmUnit { get; init; }

    /// <summary>
    /// Safety units with a score in the environment, and the BlueChi agent when its configuration was changed, by name; a unit that could not be read is absent.
    /// </summary>
    public ImmutableSortedDictionary<string, UnitReading> HostUnits { get; init; } = ImmutableSortedDictionary<string, UnitReading>.Empty;

    /// <summary>Units inside QM: the BlueChi agent and the workloads, by name; a unit that could not be read is absent.</summary>
    public ImmutableSortedDictionary<string, UnitReading> QmUnits { get; init; } = ImmutableSortedDictionary<string, UnitReading>.Empty;

    /// <summary>What was tried before.</summary>
    public required NodeMemory Memory { get; init; }
}
