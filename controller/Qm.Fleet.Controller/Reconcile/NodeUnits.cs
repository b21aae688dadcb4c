using System.Collections.Frozen;
using System.Collections.Immutable;
using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Core.Revisions;

namespace Qm.Fleet.Controller.Reconcile;

/// <summary>The units of one node as they were last read, and which of them are to be read again.</summary>
/// <remarks>
/// What a signal is about is read again, and nothing else: a node has a dozen units that decide something, and on a large fleet reading all of them for each
/// signal is what those that wait for the next one wait for. All of them are read when anything else happened, and every <see cref="Net"/> in any case:
/// of a property that was set, systemd tells nobody.
/// </remarks>
internal sealed class NodeUnits(string name, BlueChiLink blueChi, TimeProvider time, ILogger logger)
{
    /// <summary>The longest that a reading counts without a signal.</summary>
    internal static readonly TimeSpan Net = TimeSpan.FromSeconds(30);

    private readonly Lock _gate = new();
    private volatile FrozenSet<string> _watched = FrozenSet<string>.Empty;
    private HashSet<string> _stale = new(StringComparer.Ordinal) { BlueChiLink.All };
    private long _readAll;

    /// <summary>As they were last read.</summary>
    internal UnitReadings Readings { get; private set; } = UnitReadings.None;

    /// <summary>A unit is to be read again, or with <c>*</c> all of them; a node has hundreds, of which a few decide anything.</summary>
    /// <returns>Whether it is one of those.</returns>
    internal bool Mark(string unit)
    {
        if (unit is not (BlueChiLink.All or QmNode.Unit) && !_watched.Contains(unit))
        {
            return false;
        }

        lock (_gate)
        {
            _stale.Add(unit);
        }

        return true;
    }

    /// <summary>Reads what is to be read again; what cannot be read is absent, and the next look tries again.</summary>
    /// <param name="onHost">Units of the host that decide something, beside qm.service.</param>
    /// <param name="inside">Units inside QM that do.</param>
    /// <param name="ct">Gives up.</param>
    internal async Task ReadAsync(IReadOnlyCollection<string> onHost, IReadOnlyCollection<string> inside, CancellationToken ct)
    {
        if (Take() is not { Count: > 0 } stale)
        {
            return;
        }

        if (blueChi.PresenceOf(name) != Presence.Online)
        {
            Readings = UnitReadings.None;
            return;
        }

        var watched = onHost.Concat(inside).ToFrozenSet(StringComparer.Ordinal);
        var all = stale.Contains(BlueChiLink.All) || time.GetElapsedTime(_readAll) >= Net || !watched.SetEquals(_watched);
        _watched = watched;
        inside = blueChi.PresenceOf(QmNode.NameFor(name)) == Presence.Online ? inside : [];
        if (!all)
        {
            string[] asked = [.. onHost.Where(stale.Contains)], askedInside = [.. inside.Where(stale.Contains)];
            var read = await UnitReader.ReadAsync(blueChi, name, stale.Contains(QmNode.Unit), asked, askedInside, logger, ct);
            Readings = new(
                stale.Contains(QmNode.Unit) ? read.Qm : Readings.Qm,
                Readings.Host.RemoveRange(stale).SetItems(read.Host),
                inside.Count > 0 ? Readings.Inside.RemoveRange(stale).SetItems(read.Inside) : UnitReadings.None.Inside);
            // Who does not tell of one may not tell of any.
            all = read.Host.Count < asked.Length || read.Inside.Count < askedInside.Length;
        }

        if (all)
        {
            _readAll = time.GetTimestamp();
            Readings = await UnitReader.ReadAsync(blueChi, name, qmToo: true, onHost, inside, logger, ct);
        }
    }

    private HashSet<string> Take()
    {
        lock (_gate)
        {
            var stale = _stale;
            _stale = new(StringComparer.Ordinal);
            return stale;
        }
    }
}
