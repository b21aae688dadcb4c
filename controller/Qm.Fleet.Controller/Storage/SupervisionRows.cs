using System.Collections.Immutable;
using System.Text.Json;
using Qm.Fleet.Core.Supervision;

namespace Qm.Fleet.Controller.Storage;

/// <summary>What was stored of healing.</summary>
/// <param name="Nodes">By node.</param>
/// <param name="Fleets">By uid of the fleet.</param>
internal sealed record StoredSupervision(IReadOnlyDictionary<string, NodeSupervision> Nodes, IReadOnlyDictionary<string, FleetSupervision> Fleets);

/// <summary>Rows of what was done about failures. Only what a controller that starts anew must know is kept: what a unit does, it reads from the unit.</summary>
internal static class SupervisionRows
{
    private const string NodeScope = "node";
    private const string FleetScope = "fleet";

    internal static StoredSupervision Load(ReadSnapshot db)
    {
        var rows = db.Query<Row>("select scope as Scope, name as Name, state as State from supervision");
        return new(
            rows.Where(row => row.Scope == NodeScope).ToDictionary(row => row.Name, row => ToState(Read<NodeState>(row)), StringComparer.Ordinal),
            rows.Where(row => row.Scope == FleetScope).ToDictionary(row => row.Name, row => new FleetSupervision(Read<FleetState>(row).CorrelatedSince?.ToTime()), StringComparer.Ordinal));
    }

    internal static NodeSupervision Find(ReadSnapshot db, string node) =>
        db.QuerySingleOrDefault<Row>("select scope as Scope, name as Name, state as State from supervision where scope = 'node' and name = @node", new { node }) is { } row ? ToState(Read<NodeState>(row)) : NodeSupervision.New;

    internal static void Save(WriteTransaction tx, string node, NodeSupervision state) => Save(tx, NodeScope, node, new NodeState(
        state.Revision,
        state.Stored.Units.ToDictionary(
            unit => unit.Key, unit => new UnitState([.. unit.Value.Restarts.Select(time => time.ToMicroseconds())], unit.Value.Attempts, unit.Value.Step, unit.Value.Left), StringComparer.Ordinal),
        [.. state.QmRestarts.Select(time => time.ToMicroseconds())],
        [.. state.Earlier.Select(time => time.ToMicroseconds())],
        state.Quarantine is { } quarantine ? new(quarantine.Reason, quarantine.Since.ToMicroseconds(), quarantine.Actor) : null,
        [.. state.Frozen]));

    internal static void Save(WriteTransaction tx, string fleetUid, FleetSupervision state) =>
        Save(tx, FleetScope, fleetUid, new FleetState(state.CorrelatedSince?.ToMicroseconds()));

    private static void Save<T>(WriteTransaction tx, string scope, string name, T state) => tx.Execute(
        "insert into supervision (scope, name, state) values (@scope, @name, @State) on conflict (scope, name) do update set state = excluded.state",
        new { scope, name, State = JsonSerializer.Serialize(state) });

    private static NodeSupervision ToState(NodeState stored) => NodeSupervision.New with
    {
        Revision = stored.Revision,
        Units = stored.Units.ToImmutableSortedDictionary(
            unit => unit.Key,
            unit => UnitWatch.New with { Restarts = [.. unit.Value.Restarts.Select(time => time.ToTime())], Attempts = unit.Value.Attempts, Step = unit.Value.Step, Left = unit.Value.Left },
            StringComparer.Ordinal),
        QmRestarts = [.. stored.QmRestarts.Select(time => time.ToTime())],
        Earlier = [.. stored.Earlier.Select(time => time.ToTime())],
        Frozen = ImmutableSortedSet.Create(StringComparer.Ordinal, stored.Frozen ?? []),
        Quarantine = stored.Quarantine is { } quarantine ? new(quarantine.Reason, quarantine.Since.ToTime(), quarantine.Actor) : null,
    };

    private static T Read<T>(Row row)
    {
        try
        {
            return JsonSerializer.Deserialize<T>(row.State) ?? throw new JsonException("it is null");
        }
        catch (JsonException e)
        {
            throw new CorruptRowException("supervision", $"{row.Scope}/{row.Name}", $"its state does not read: {e.Message}", e);
        }
    }

    private sealed record Row(string Scope, string Name, string State);

    // Times are microseconds since 1970.
    private sealed record NodeState(string Revision, Dictionary<string, UnitState> Units, long[] QmRestarts, long[] Earlier, QuarantineState? Quarantine, string[]? Frozen = null);

    private sealed record UnitState(long[] Restarts, int Attempts, int Step, string Left = "");

    private sealed record QuarantineState(string Reason, long Since, string Actor);

    private sealed record FleetState(long? CorrelatedSince);
}
