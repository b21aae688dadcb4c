using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Core.Revisions;

namespace Qm.Fleet.Controller.Reconcile;

/// <summary>A unit as BlueChi names it.</summary>
/// <param name="Node">BlueChi's node name: the host, or <c>qm.</c> and the host.</param>
/// <param name="Unit">Full unit name.</param>
internal readonly record struct UnitKey(string Node, string Unit);

/// <summary>Who has which unit in hand: one at a time, the reconciler, what heals, or a person.</summary>
/// <remarks>Whoever has qm.service has everything inside that QM with it. Holds no more than there are who have something, and units that people had since the last look.</remarks>
internal sealed class UnitLeases
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, List<UnitLease>> _held = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ImmutableSortedDictionary<string, bool>> _ended = new(StringComparer.Ordinal);

    /// <summary>No unit.</summary>
    public static ImmutableSortedDictionary<string, bool> NoUnits { get; } = ImmutableSortedDictionary.Create<string, bool>(StringComparer.Ordinal);

    /// <summary>A person took units of a host in hand, or let go of them; handlers only enqueue.</summary>
    public event Action<string>? Operated;

    /// <summary>The units that an act of the reconciler touches.</summary>
    public static ImmutableArray<UnitKey> UnitsOf(NodeStep.Act act, string host) =>
    [
        .. NodeCall.Of(act, host).Select(static call => call switch
        {
            NodeCall.Job job => new UnitKey(job.Node, job.Unit),
            NodeCall.SetProperties set => new UnitKey(set.Node, set.Unit),
            NodeCall.SetFrozen frozen => new UnitKey(frozen.Node, frozen.Unit),
            NodeCall.ResetFailed reset => new UnitKey(reset.Node, reset.Unit),
            _ => default,
        }).Where(static key => key.Unit is not null).Distinct(),
    ];

    /// <summary>Takes units for the reconciler; disposing of the lease lets go of them.</summary>
    /// <param name="host">The node.</param>
    /// <param name="units">Its units; may be none.</param>
    /// <param name="holder">Who takes them, for those who wonder.</param>
    /// <param name="lease">What was taken; null when nothing was.</param>
    /// <param name="heldBy">Who has one of them; null when all were taken.</param>
    public bool TryTake(string host, ImmutableArray<UnitKey> units, string holder, [NotNullWhen(true)] out UnitLease? lease, [NotNullWhen(false)] out string? heldBy) =>
        TryTake(new(this, host, units, holder, IsPersons: false), out lease, out heldBy);

    /// <summary>Takes a unit for a person; disposing of the lease lets go of it.</summary>
    /// <param name="host">The node.</param>
    /// <param name="unit">Its unit.</param>
    /// <param name="stops">Whether it is to stop.</param>
    /// <param name="holder">Who takes it.</param>
    /// <param name="lease">What was taken; null when nothing was.</param>
    /// <param name="heldBy">Who has it; null when it was taken.</param>
    public bool TryTakeFor(string host, UnitKey unit, bool stops, string holder, [NotNullWhen(true)] out UnitLease? lease, [NotNullWhen(false)] out string? heldBy)
    {
        if (!TryTake(new(this, host, [unit], holder, IsPersons: true) { Stops = stops }, out lease, out heldBy))
        {
            return false;
        }
        Operated?.Invoke(host);
        return true;
    }

    /// <summary>Who has a unit, or something that it is part of; null when nobody has.</summary>
    public string? HolderOf(string host, UnitKey unit)
    {
        lock (_gate)
        {
            return Conflict(host, [unit])?.Holder;
        }
    }

    /// <summary>Which person's operation has units of a host in hand; null when none has.</summary>
    public string? OperationOn(string host)
    {
        lock (_gate)
        {
            return _held.GetValueOrDefault(host)?.Find(static lease => lease.IsPersons)?.Holder;
        }
    }

    /// <summary>Units of a host that people have in hand, or had since this was last asked, each with whether it was to stop.</summary>
    public ImmutableSortedDictionary<string, bool> TakeOperated(string host)
    {
        lock (_gate)
        {
            _ended.Remove(host, out var ended);
            return (ended ?? NoUnits).SetItems((_held.GetValueOrDefault(host) ?? []).Where(static lease => lease.IsPersons)
                .SelectMany(static lease => Watched(lease).Select(key => KeyValuePair.Create(key.Unit, lease.Stops))));
        }
    }

    internal void Release(UnitLease lease)
    {
        lock (_gate)
        {
            if (!_held.TryGetValue(lease.Host, out var held) || !held.Remove(lease))
            {
                return;
            }
            if (held.Count == 0)
            {
                _held.Remove(lease.Host);
            }
            if (lease.IsPersons && lease.WasUsed)
            {
                _ended[lease.Host] = _ended.GetValueOrDefault(lease.Host, NoUnits).SetItems(Watched(lease).Select(key => KeyValuePair.Create(key.Unit, lease.Stops)));
            }
            if (lease.IsPersons)
            {
                // Before anybody can take note of what ended: the units are to be read with it.
                Operated?.Invoke(lease.Host);
            }
        }
    }

    private bool TryTake(UnitLease wanted, [NotNullWhen(true)] out UnitLease? lease, [NotNullWhen(false)] out string? heldBy)
    {
        lock (_gate)
        {
            heldBy = Conflict(wanted.Host, wanted.Units)?.Holder;
            if (heldBy is not null)
            {
                lease = null;
                return false;
            }
            if (!_held.TryGetValue(wanted.Host, out var held))
            {
                _held[wanted.Host] = held = [];
            }
            held.Add(lease = wanted);
            return true;
        }
    }

    private UnitLease? Conflict(string host, ImmutableArray<UnitKey> units) => units.IsEmpty ? null : _held.GetValueOrDefault(host)?.Find(lease =>
        !lease.Units.IsEmpty && (lease.Units.Any(units.Contains) || units.Any(IsAllOfQm) || lease.Units.Any(IsAllOfQm)));

    // What else people do on the host is nothing of QM, though a unit inside it may have the name.
    private static IEnumerable<UnitKey> Watched(UnitLease lease) => lease.Units.Where(static key => IsAllOfQm(key) || IsInQm(key));

    private static bool IsAllOfQm(UnitKey key) => !IsInQm(key) && key.Unit == QmNode.Unit;

    private static bool IsInQm(UnitKey key)
    {
        QmNode.HostOf(key.Node, out var isQm);
        return isQm;
    }
}

/// <summary>Units that somebody has in hand until this is disposed of.</summary>
/// <param name="Leases">Where it was taken.</param>
/// <param name="Host">The node.</param>
/// <param name="Units">The units.</param>
/// <param name="Holder">Who has them.</param>
/// <param name="IsPersons">Whether it is for a person.</param>
internal sealed record UnitLease(UnitLeases Leases, string Host, ImmutableArray<UnitKey> Units, string Holder, bool IsPersons) : IDisposable
{
    /// <summary>Whether anything was done to the units that those who watch them have to know of.</summary>
    public bool WasUsed { get; set; }

    /// <summary>Whether they are to stop.</summary>
    public bool Stops { get; init; }

    /// <inheritdoc/>
    public void Dispose() => Leases.Release(this);

    /// <inheritdoc/>
    public bool Equals(UnitLease? other) => ReferenceEquals(this, other);

    /// <inheritdoc/>
    public override int GetHashCode() => System.Runtime.CompilerServices.RuntimeHelpers.GetHashCode(this);
}
