using System.Collections.Immutable;

namespace Qm.Fleet.Core.Supervision;

/// <summary>A node that is left alone until somebody releases it.</summary>
/// <param name="Reason">Why, as a sentence.</param>
/// <param name="Since">Since when.</param>
/// <param name="Actor">Who decided it.</param>
public sealed record Quarantine(string Reason, DateTimeOffset Since, string Actor);

/// <summary>What is known of a node over time; a new revision is a new chance, but for a quarantine.</summary>
public sealed record NodeSupervision
{
    // More than any node does between two revisions without being quarantined.
    private const int EarlierMax = 64;

    /// <summary>Nothing was seen yet.</summary>
    public static NodeSupervision New { get; } = new();

    /// <summary>The revision it is about.</summary>
    public string Revision { get; init; } = "";

    /// <summary>Units, by name.</summary>
    public ImmutableSortedDictionary<string, UnitWatch> Units { get; init; } = ImmutableSortedDictionary.Create<string, UnitWatch>(StringComparer.Ordinal);

    /// <summary>When QM was restarted by us.</summary>
    public ImmutableArray<DateTimeOffset> QmRestarts { get; init; } = [];

    /// <summary>When units were restarted by us under earlier revisions: a unit's budget begins anew with a revision, its fleet's does not.</summary>
    public ImmutableArray<DateTimeOffset> Earlier { get; init; } = [];

    /// <summary>When the node's link to BlueChi was lost, as far as seen.</summary>
    public ImmutableArray<DateTimeOffset> LinkLosses { get; init; } = [];

    /// <summary>Whether BlueChi heard the node at the last look; null when BlueChi itself was not heard.</summary>
    public bool? WasOnline { get; init; }

    /// <summary>Units inside QM that load shedding froze, and has to thaw: what else is frozen, somebody else did.</summary>
    public ImmutableSortedSet<string> Frozen { get; init; } = ImmutableSortedSet.Create<string>(StringComparer.Ordinal);

    /// <summary>Why and since when it is left alone; null when it is not.</summary>
    public Quarantine? Quarantine { get; init; }

    /// <summary>When anything was done about it by us, all units together.</summary>
    public IEnumerable<DateTimeOffset> Acts => Units.Values.SelectMany(static unit => unit.Restarts).Concat(QmRestarts).Concat(Earlier);

    /// <summary>Units that fail.</summary>
    public IEnumerable<KeyValuePair<string, UnitWatch>> Failing => Units.Where(static unit => unit.Value.FailingSince is not null);

    /// <summary>Something else than healing was done to the node by us: starts that follow from it are no unit's own.</summary>
    public NodeSupervision Disturbed => this with
    {
        Units = Units.ToImmutableSortedDictionary(static unit => unit.Key, static unit => unit.Value with { InvocationId = "" }, StringComparer.Ordinal),
    };

    /// <summary>What is kept when the node has a revision.</summary>
    public NodeSupervision For(string revision) => revision == Revision ? this : New with
    {
        Revision = revision,
        // Restarts disturb a node whatever it runs.
        QmRestarts = QmRestarts,
        Earlier = [.. Earlier.Concat(Units.Values.SelectMany(static unit => unit.Restarts)).Order().TakeLast(EarlierMax)],
        Frozen = Frozen,
        Quarantine = Quarantine,
        LinkLosses = LinkLosses,
        WasOnline = WasOnline,
    };

    /// <summary>What of it is stored: what was done, and what follows from that; what units do is read from them.</summary>
    public NodeSupervision Stored => New with
    {
        Revision = Revision,
        Units = Units.Where(static unit => unit.Value.Restarts.Length > 0 || unit.Value.Attempts > 0 || unit.Value.Step > 0 || unit.Value.Left.Length > 0).ToImmutableSortedDictionary(
            static unit => unit.Key, static unit => UnitWatch.New with { Restarts = unit.Value.Restarts, Attempts = unit.Value.Attempts, Step = unit.Value.Step, Left = unit.Value.Left }, StringComparer.Ordinal),
        QmRestarts = QmRestarts,
        Earlier = Earlier,
        Frozen = Frozen,
        Quarantine = Quarantine,
    };

    /// <summary>What is left when somebody put it into quarantine, or released it: it begins anew, but for what has to be thawed.</summary>
    /// <param name="quarantine">Why it is left alone; null when it is not.</param>
    public NodeSupervision Decided(Quarantine? quarantine) => New with { Frozen = Frozen, Quarantine = quarantine };

    /// <summary>The same with the times of what was done by another clock: who stores it may have started before the clock was set.</summary>
    /// <param name="by">How far that clock is ahead.</param>
    public NodeSupervision By(TimeSpan by) => by == TimeSpan.Zero ? this : this with
    {
        Units = Units.ToImmutableSortedDictionary(static unit => unit.Key, unit => unit.Value with { Restarts = [.. unit.Value.Restarts.Select(time => time + by)] }, StringComparer.Ordinal),
        QmRestarts = [.. QmRestarts.Select(time => time + by)],
        Earlier = [.. Earlier.Select(time => time + by)],
        Quarantine = Quarantine is { } quarantine ? quarantine with { Since = quarantine.Since + by } : null,
    };

    /// <summary>Whether something differs that a controller that starts anew must know: what was done, and what follows from it.</summary>
    public bool MustBeStored(NodeSupervision before) => Quarantine != before.Quarantine || !QmRestarts.SequenceEqual(before.QmRestarts) || !Earlier.SequenceEqual(before.Earlier) || !Frozen.SetEquals(before.Frozen)
        || Units.Any(unit => before.Units.GetValueOrDefault(unit.Key, UnitWatch.New) is var was
            && (!was.Restarts.SequenceEqual(unit.Value.Restarts) || was.Step != unit.Value.Step || was.Attempts != unit.Value.Attempts || was.Left != unit.Value.Left));
}
