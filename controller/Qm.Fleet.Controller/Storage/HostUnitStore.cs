using Google.Protobuf.WellKnownTypes;
using Qm.Fleet.Core.Reconcile;

namespace Qm.Fleet.Controller.Storage;

/// <summary>The units outside QM that an administrator listed.</summary>
internal sealed class HostUnitStore(Database database)
{
    /// <summary>How many can be listed.</summary>
    public const int Most = 1000;

    private const string Select = "select unit as Unit, reason as Reason, selector as Selector, created_at as CreatedAt, created_by as CreatedBy from host_units";

    /// <summary>All of them, by name.</summary>
    public IReadOnlyList<V1.HostUnit> Load() => database.Read<IReadOnlyList<V1.HostUnit>>(static db => [.. db.Query<HostUnitRow>($"{Select} order by unit").Select(Wire)]);

    /// <summary>Inside a transaction: lists a unit, with its event; what is so already writes nothing.</summary>
    /// <returns>As it is listed; null when there are too many.</returns>
    internal static V1.HostUnit? Allow(WriteTransaction tx, HostUnit unit, string actor)
    {
        var before = Find(tx, unit.Unit);
        var selector = unit.Nodes?.ToString() ?? "";
        if (before is not null && before.Reason == unit.Reason && before.Selector == selector)
        {
            return before;
        }
        if (before is null && tx.QuerySingleOrDefault<long>("select count(*) from host_units") >= Most)
        {
            return null;
        }
        tx.Execute(
            """
            insert into host_units (unit, reason, selector, created_at, created_by) values (@Unit, @Reason, @selector, @Now, @actor)
            on conflict (unit) do update set reason = excluded.reason, selector = excluded.selector, created_at = excluded.created_at, created_by = excluded.created_by
            """,
            new { unit.Unit, unit.Reason, selector, Now = tx.Now.ToMicroseconds(), actor });
        var after = Find(tx, unit.Unit)!;
        tx.Append(Draft("HostUnitAllowed", actor, unit.Unit, $"{unit.Unit}, outside QM, can be reached on {(selector.Length == 0 ? "every node" : $"nodes with {selector}")}: {unit.Reason}", before, after));
        return after;
    }

    /// <summary>Inside a transaction: takes a unit from the list, with its event.</summary>
    /// <returns>As it was listed; null when it was not.</returns>
    internal static V1.HostUnit? Remove(WriteTransaction tx, string unit, string actor)
    {
        if (Find(tx, unit) is not { } before)
        {
            return null;
        }
        tx.Execute("delete from host_units where unit = @unit", new { unit });
        tx.Append(Draft("HostUnitRemoved", actor, unit, $"{unit}, outside QM, is out of reach again", before, null));
        return before;
    }

    private static EventDraft Draft(string reason, string actor, string unit, string message, V1.HostUnit? before, V1.HostUnit? after) =>
        new(reason, EventSeverity.Warning, actor, "", "", unit, message) { Before = Text(before), After = Text(after) };

    private static string Text(V1.HostUnit? unit) => unit is null ? "" : AuditText.Of(unit);

    private static V1.HostUnit? Find(ReadSnapshot db, string unit) => db.QuerySingleOrDefault<HostUnitRow>($"{Select} where unit = @unit", new { unit }) is { } row ? Wire(row) : null;

    private static V1.HostUnit Wire(HostUnitRow row) => new()
    {
        Unit = row.Unit,
        Reason = row.Reason,
        Selector = row.Selector,
        CreatedAt = Timestamp.FromDateTimeOffset(row.CreatedAt.ToTime()),
        CreatedBy = row.CreatedBy,
    };

    private sealed record HostUnitRow(string Unit, string Reason, string Selector, long CreatedAt, string CreatedBy);
}
