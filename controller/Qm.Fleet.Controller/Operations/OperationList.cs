using System.Globalization;
using Qm.Fleet.Controller.Api;
using Qm.Fleet.Controller.Storage;

namespace Qm.Fleet.Controller.Operations;

/// <summary>Where an operation stands among all, newest first.</summary>
/// <param name="StartedAt">When it was accepted, in microseconds since 1970.</param>
/// <param name="Key">Its name without <c>operations/</c>.</param>
internal readonly record struct OperationPlace(long StartedAt, string Key)
{
    /// <summary>Before the newest.</summary>
    public static OperationPlace First { get; } = new(long.MaxValue, "");
}

/// <summary>What was asked for and takes time: of a unit, or a rollout.</summary>
/// <param name="OfUnit">What was asked of a unit; null for a rollout.</param>
/// <param name="Rollout">The rollout; null for what was asked of a unit.</param>
internal sealed record AnyOperation(StoredOperation? OfUnit, StoredRollout? Rollout)
{
    /// <summary>Where it stands.</summary>
    public OperationPlace Place => OfUnit is { } operation
        ? new(operation.StartedAt.ToMicroseconds(), operation.Id)
        : new(Rollout!.StartedAt.ToMicroseconds(), string.Create(CultureInfo.InvariantCulture, $"{Rollout.Fleet}/{Rollout.Number}"));

    /// <summary>Under what its changes are told.</summary>
    public ResourceKey Key => OfUnit is { } operation ? new(ResourceKind.Operation, operation.Id) : new(ResourceKind.Fleet, Rollout!.Fleet);

    /// <summary>Whether nothing will change it any more.</summary>
    public bool HasEnded => OfUnit is { } operation ? operation.EndedAt is not null : Rollout!.HasEnded;

    /// <summary>As it is shown.</summary>
    public V1.Operation ToWire() => OfUnit?.ToWire() ?? Rollout!.ToOperation();
}

/// <summary>Operations of units and rollouts, as one list.</summary>
internal sealed class OperationList(Database database)
{
    private const string Prefix = "operations/";

    /// <summary>One operation by its name; null when there is none.</summary>
    public AnyOperation? Find(string name) => database.Read(db => Find(db, name));

    /// <summary>At most so many after a place, newest first.</summary>
    public IReadOnlyList<AnyOperation> After(OperationPlace place, int limit) => database.Read<IReadOnlyList<AnyOperation>>(db =>
    [
        .. db.Query<string>(
            """
            select key from (select id as key, started_at from operations union all select fleet || '/' || number, started_at from rollouts)
            where started_at < @StartedAt or started_at = @StartedAt and key < @Key
            order by started_at desc, key desc limit @limit
            """,
            new { place.StartedAt, place.Key, limit }).Select(key => Of(db, key)!),
    ]);

    /// <summary>Inside a transaction: one operation by its name; null when there is none.</summary>
    public static AnyOperation? Find(ReadSnapshot db, string name) => name.StartsWith(Prefix, StringComparison.Ordinal) ? Of(db, name[Prefix.Length..]) : null;

    private static AnyOperation? Of(ReadSnapshot db, string key) => key.Split('/') switch
    {
        [var id] => OperationStore.Find(db, id) is { } operation ? new(operation, null) : null,
        [var fleet, var number] when int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var parsed) && parsed > 0 =>
            RolloutRows.Find(db, fleet, parsed) is { } rollout ? new(null, rollout) : null,
        _ => null,
    };
}
