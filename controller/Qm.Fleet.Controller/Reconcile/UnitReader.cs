using System.Collections.Immutable;
using Qm.Fleet.BlueChi;
using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Core.Resources;
using Qm.Fleet.Core.Revisions;

namespace Qm.Fleet.Controller.Reconcile;

/// <summary>The units of one node that a decision looks at.</summary>
/// <param name="Qm">qm.service; null when it could not be read.</param>
/// <param name="Host">Safety units of the host that could be read.</param>
/// <param name="Inside">Units inside QM that could be read.</param>
internal sealed record UnitReadings(
    UnitReading? Qm, ImmutableSortedDictionary<string, UnitReading> Host, ImmutableSortedDictionary<string, UnitReading> Inside)
{
    internal static UnitReadings None { get; } = new(
        null, ImmutableSortedDictionary<string, UnitReading>.Empty, ImmutableSortedDictionary<string, UnitReading>.Empty);
}

/// <summary>Reads units through BlueChi; never changes anything.</summary>
internal static partial class UnitReader
{
    /// <summary>Reads the named units, and qm.service if asked to; what cannot be read is absent, and the next look tries again.</summary>
    internal static async Task<UnitReadings> ReadAsync(
        BlueChiLink blueChi, string host, bool qmToo, IEnumerable<string> hostUnits, IEnumerable<string> insideUnits, ILogger logger, CancellationToken ct)
    {
        // All at once: what is about to be done waits for the slowest of them, and not for their sum.
        var qm = ReadManyAsync(blueChi, host, qmToo ? [QmNode.Unit] : [], logger, ct);
        var onHost = ReadManyAsync(blueChi, host, hostUnits, logger, ct);
        var inside = ReadManyAsync(blueChi, QmNode.NameFor(host), insideUnits, logger, ct);
        await Task.WhenAll(qm, onHost, inside);
        return new((await qm).GetValueOrDefault(QmNode.Unit), await onHost, await inside);
    }

    /// <summary>Reads the named units of one BlueChi node; what cannot be read is absent, all of it at once when BlueChi loses the node.</summary>
    internal static async Task<ImmutableSortedDictionary<string, UnitReading>> ReadManyAsync(
        BlueChiLink blueChi, string node, IEnumerable<string> units, ILogger logger, CancellationToken ct)
    {
        var names = units.ToArray();
        if (names.Length == 0 || blueChi.Current is not { } current)
        {
            return UnitReadings.None.Host;
        }

        using var limit = CancellationTokenSource.CreateLinkedTokenSource(blueChi.Gone(node), ct);
        var readings = await Task.WhenAll(names.Select(unit => TryReadAsync(current, node, unit, logger, limit.Token, ct)));
        return names.Zip(readings).Where(pair => pair.Second is not null)
            .ToImmutableSortedDictionary(pair => pair.First, pair => pair.Second!, StringComparer.Ordinal);
    }

    private static async Task<UnitReading?> TryReadAsync(IBlueChi blueChi, string node, string unit, ILogger logger, CancellationToken limit, CancellationToken ct)
    {
        try
        {
            return ToReading(await blueChi.GetUnitPropertiesAsync(node, unit, "", limit));
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            Log.NotRead(logger, node, unit, "BlueChi lost the node before it answered");
            return null;
        }
        catch (BlueChiException e)
        {
            Log.NotRead(logger, node, unit, e.Message);
            return null;
        }
    }

    private static UnitReading ToReading(IReadOnlyDictionary<string, PropertyValue> properties)
    {
        var state = UnitState.From(properties);
        return new(
            state.LoadState, state.ActiveState, state.SubState, state.Result, state.InvocationId,
            (long)(state.InactiveExit?.TotalMicroseconds ?? 0),
            properties.TryGetValue("OOMScoreAdjust", out var score) && score.TryGetInt64(out var value) ? (int)value : null,
            state.JobId)
        {
            IsFrozen = properties.TryGetValue("FreezerState", out var freezer) && freezer.TryGetString(out var frozen) && frozen is "frozen" or "freezing",
            NeedsReload = properties.TryGetValue("NeedDaemonReload", out var stale) && stale.TryGetBoolean(out var isStale) && isStale,
            ManagedOom = ManagedOomOf(properties),
            Restarts = properties.TryGetValue("NRestarts", out var restarts) && restarts.TryGetInt64(out var count) ? count : 0,
        };
    }

    // Which cgroup systemd-oomd spares is marked on the cgroup itself, and systemd's word for it may be ahead of that.
    private static ImmutableSortedDictionary<string, string> ManagedOomOf(IReadOnlyDictionary<string, PropertyValue> properties)
    {
        var found = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        foreach (var name in new[] { nameof(ResourceProperty.ManagedOOMSwap), nameof(ResourceProperty.ManagedOOMMemoryPressure) })
        {
            if (properties.TryGetValue(name, out var value) && value.TryGetString(out var word))
            {
                found[name] = word;
            }
        }

        if (properties.TryGetValue(nameof(ResourceProperty.ManagedOOMMemoryPressureLimit), out var scale) && scale.TryGetInt64(out var share))
        {
            found[nameof(ResourceProperty.ManagedOOMMemoryPressureLimit)] = $"{new ResourceValue.Percent(ManagedOom.FromScale((uint)share))}";
        }

        return found.ToImmutable();
    }

    private static partial class Log
    {
        [LoggerMessage(1300, LogLevel.Debug, "Unit {Unit} of {Node} could not be read: {Reason}", EventName = nameof(NotRead))]
        internal static partial void NotRead(ILogger logger, string node, string unit, string reason);
    }
}
