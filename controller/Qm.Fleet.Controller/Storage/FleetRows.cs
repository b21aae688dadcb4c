using Google.Protobuf;
using Qm.Fleet.Controller.Wire;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Revisions;

namespace Qm.Fleet.Controller.Storage;

/// <summary>Rows of fleets, revisions and rollouts, read back as what was written or not at all.</summary>
internal static class FleetRows
{
    private const string SelectFleet =
        "select name as Name, uid as Uid, generation as Generation, labels as Labels, spec as Spec, revision as Revision, created_at as CreatedAt, deleting_since as DeletingSince from fleets";

    private static readonly string SelectNewest = $"""
        select {RolloutRows.Columns("r.")} from rollouts r
        join fleets f on r.fleet = f.name and r.fleet_uid = f.uid and r.number = (select max(number) from rollouts where fleet = f.name and fleet_uid = f.uid)
        """;

    /// <summary>One fleet; null when there is none of the name.</summary>
    public static StoredFleet? Find(ReadSnapshot db, string name) =>
        db.QuerySingleOrDefault<FleetRow>($"{SelectFleet} where name = @name", new { name }) is { } row
            ? Fleet(row, db.QuerySingleOrDefault<RolloutRow>($"{SelectNewest} where f.name = @name", new { name }))
            : null;

    /// <summary>At most so many fleets whose names come after another, by name.</summary>
    public static IReadOnlyList<StoredFleet> After(ReadSnapshot db, string after, int limit)
    {
        var rollouts = db.Query<RolloutRow>($"{SelectNewest} where f.name > @after order by f.name limit @limit", new { after, limit }).ToDictionary(static row => row.Fleet, StringComparer.Ordinal);
        return [.. db.Query<FleetRow>($"{SelectFleet} where name > @after order by name limit @limit", new { after, limit }).Select(row => Fleet(row, rollouts.GetValueOrDefault(row.Name)))];
    }

    /// <summary>At most so many revisions after a place in the order, by fleet, newest first.</summary>
    /// <param name="db">Where to read.</param>
    /// <param name="fleet">Only this fleet's; empty for all.</param>
    /// <param name="afterFleet">The place: fleet of the revision before.</param>
    /// <param name="afterNumber">The place: its number.</param>
    /// <param name="limit">How many.</param>
    public static IReadOnlyList<StoredRevision> Revisions(ReadSnapshot db, string fleet, string afterFleet, long afterNumber, int limit) =>
    [
        .. db.Query<RevisionRow>(
            """
            select fleet as Fleet, number as Number, name as Name, uid as Uid, environment as Environment, created_at as CreatedAt
            from revisions
            where (@fleet = '' and instr(fleet, '@') = 0 or fleet = @fleet) and (fleet > @afterFleet or fleet = @afterFleet and number < @afterNumber)
            order by fleet, number desc limit @limit
            """,
            new { fleet, afterFleet, afterNumber, limit }).Select(Revision),
    ];

    /// <summary>One revision of a fleet; null when there is none of the name.</summary>
    public static StoredRevision? Revision(ReadSnapshot db, string fleet, string name) => db.QuerySingleOrDefault<RevisionRow>(
        "select fleet as Fleet, number as Number, name as Name, uid as Uid, environment as Environment, created_at as CreatedAt from revisions where fleet = @fleet and name = @name",
        new { fleet, name }) is { } row ? Revision(row) : null;

    /// <summary>What an earlier revision of a fleet holds.</summary>
    /// <exception cref="CorruptRowException">It is no longer valid.</exception>
    public static FleetEnvironment Environment(StoredFleet fleet, StoredRevision revision)
    {
        if (revision.Name == Removal.Revision)
        {
            return Removal.Environment;
        }

        var wire = fleet.Wire.Clone();
        wire.Environment = revision.Environment;
        var parsed = Manifests.Parse(new V1.Metadata { Name = fleet.Name }, wire);
        return parsed.IsValid(out var spec)
            ? spec.Environment
            : throw new CorruptRowException("revisions", $"{fleet.Name}/{revision.Name}", $"its environment is not valid: {string.Join("; ", parsed.Problems)}.");
    }

    private static StoredFleet Fleet(FleetRow row, RolloutRow? rollout)
    {
        var labels = Rows.Labels("fleets", row.Name, row.Labels);
        var wire = Message<V1.FleetSpec>("fleets", row.Name, row.Spec);
        var parsed = Manifests.Parse(new V1.Metadata { Name = row.Name, Labels = { labels } }, wire);
        if (!parsed.IsValid(out var spec))
        {
            throw new CorruptRowException("fleets", row.Name, $"its spec is not valid: {string.Join("; ", parsed.Problems)}.");
        }
        return new StoredFleet(
            row.Name, row.Uid, row.Generation, labels, wire, spec, row.Revision, row.CreatedAt.ToTime(), row.DeletingSince?.ToTime(), rollout is null ? null : RolloutRows.ToRollout(rollout));
    }

    private static StoredRevision Revision(RevisionRow row)
    {
        var environment = Message<V1.Environment>("revisions", $"{row.Fleet}/{row.Name}", row.Environment);
        return new StoredRevision(row.Fleet, row.Number, row.Name, row.Uid, environment, row.CreatedAt.ToTime());
    }

    private static T Message<T>(string table, string key, string json)
        where T : IMessage, new()
    {
        try
        {
            return JsonParser.Default.Parse<T>(json);
        }
        catch (Exception e) when (e is InvalidProtocolBufferException or InvalidJsonException)
        {
            throw new CorruptRowException(table, key, $"its JSON does not read: {e.Message}", e);
        }
    }

    private sealed record FleetRow(string Name, string Uid, long Generation, string Labels, string Spec, string Revision, long CreatedAt, long? DeletingSince);

    private sealed record RevisionRow(string Fleet, long Number, string Name, string Uid, string Environment, long CreatedAt);
}
