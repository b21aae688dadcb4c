using System.Collections.Immutable;
using Qm.Fleet.Core.Reconcile;

namespace Qm.Fleet.Core.Supervision;

/// <summary>Everything a judgement about one node is made from.</summary>
public sealed record SupervisionView
{
    /// <summary>The revision whose files are in place.</summary>
    public required string Revision { get; init; }

    /// <summary>Whether that is the revision it shall have, confirmed, and nobody else is at work on it.</summary>
    public bool IsSettled { get; init; }

    /// <summary>Why nothing is healed although it is watched, such as that people work on it; null when nothing forbids it.</summary>
    public string? Silenced { get; init; }

    /// <summary>How BlueChi hears the host.</summary>
    public Presence Host { get; init; }

    /// <summary>qm.service; null when it could not be read.</summary>
    public UnitReading? Qm { get; init; }

    /// <summary>Whether QM's init was seen; null when nobody looked. A unit can be active with nothing in it but conmon.</summary>
    public bool? HasInit { get; init; }

    /// <summary>Workloads of the revision, by unit; one that could not be read is absent.</summary>
    public ImmutableSortedDictionary<string, UnitReading> Workloads { get; init; } = ImmutableSortedDictionary<string, UnitReading>.Empty;

    /// <summary>What their probes say, by unit.</summary>
    public IReadOnlyDictionary<string, ProbeReading> Probes { get; init; } = ImmutableDictionary<string, ProbeReading>.Empty;

    /// <summary>Workloads that are stopped where they are on purpose; they answer no probe.</summary>
    public ImmutableSortedSet<string> Frozen { get; init; } = [];

    /// <summary>Units that a person started, stopped or restarted since the last look, or does so now, each with whether it was to stop: what they do then is no failure, and no start of their own.</summary>
    public ImmutableSortedDictionary<string, bool> Operated { get; init; } = ImmutableSortedDictionary<string, bool>.Empty;

    /// <summary>Whether there is an earlier revision to go back to.</summary>
    public bool CanRevert { get; init; }

    /// <summary>0 to 1, drawn anew for each judgement.</summary>
    public double Random { get; init; }
}

/// <summary>Something a supervisor saw or decided.</summary>
/// <param name="Reason">A CamelCase word.</param>
/// <param name="Severity">How bad it is.</param>
/// <param name="Unit">The unit concerned; empty when it is the node.</param>
/// <param name="Message">A sentence.</param>
public sealed record SupervisionNotice(string Reason, NoticeSeverity Severity, string Unit, string Message);

/// <summary>How bad a notice is.</summary>
public enum NoticeSeverity
{
    /// <summary>The expected course.</summary>
    Info = 1,

    /// <summary>Wants a look.</summary>
    Warning = 2,

    /// <summary>Something failed.</summary>
    Error = 3,

    /// <summary>Somebody has to come.</summary>
    Critical = 4,
}

/// <summary>What is to be done about a node.</summary>
/// <param name="State">What is known of it now; the same instance when nothing changed.</param>
/// <param name="Step">What is done, or waited for; null when nothing is wrong, or it is not ours to mend.</param>
/// <param name="Notices">What happened.</param>
public sealed record SupervisionVerdict(NodeSupervision State, NodeStep? Step, ImmutableArray<SupervisionNotice> Notices)
{
    /// <summary>Why the node shall go back to the revision it had before; null when it shall not.</summary>
    public string? Revert { get; init; }

    /// <summary>When to judge again without being told; null when only the node can change anything.</summary>
    public DateTimeOffset? Wake { get; init; }
}
