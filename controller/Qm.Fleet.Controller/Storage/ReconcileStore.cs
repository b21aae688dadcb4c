using System.Collections.Immutable;
using Qm.Fleet.Core.Rollouts;

namespace Qm.Fleet.Controller.Storage;

/// <inheritdoc cref="IReconcileStore"/>
internal sealed class ReconcileStore(Database database) : IReconcileStore
{
    /// <inheritdoc/>
    public Task<DesiredState> LoadDesiredAsync(CancellationToken ct) => Task.FromResult(database.Read(read =>
    {
        var failures = read.Query<Failure>("select fleet_uid as FleetUid, node as Node, revision as Revision from node_failures")
            .ToLookup(failure => (failure.FleetUid, failure.Revision), failure => failure.Node);
        var fleets = read.Query<FleetRow>($"select {FleetRow.Columns} from fleets order by name").Select(row =>
        {
            var spec = row.ToSpec();
            return new DesiredFleet(
                row.Name, row.Uid, spec.Selector, row.Revision, spec.Environment, FleetStore.FindRollout(read, row.Name)?.ToStored(),
                failures[(row.Uid, row.Revision)].ToImmutableHashSet(StringComparer.Ordinal));
        });
        var nodes = read.Query<NodeRow>($"select {NodeRow.Columns} from nodes order by name").Select(row => row.ToDesired());
        return new DesiredState([.. fleets], [.. nodes]);
    }));

    /// <inheritdoc/>
    public Task EnsureNodesAsync(string site, IReadOnlyCollection<string> names, CancellationToken ct) => database.WriteAsync(write =>
    {
        foreach (var name in names.Where(name => NodeStore.Find(write, name) is null))
        {
            NodeStore.Insert(write, new(name, ImmutableSortedDictionary<string, string>.Empty, site, false),
                new("NodeDiscovered", EventSeverity.Info, EventDraft.Controller, "", name, "", $"BlueChi knows the node {name}"));
        }

        return true;
    }, commit: true, ct);

    /// <inheritdoc/>
    public Task UpdateRolloutAsync(string fleet, int number, RolloutPhase phase, string message, EventDraft draft, CancellationToken ct) => database.WriteAsync(write =>
    {
        var ended = phase is RolloutPhase.Succeeded or RolloutPhase.Superseded;
        var rows = write.Execute(
            """
            update rollouts set phase = @phase, message = @message, ended_at = @endedAt
            where fleet = @fleet and number = @number and phase <> @phase and phase <> @superseded
            """,
            new
            {
                fleet,
                number,
                message,
                phase = (int)phase,
                superseded = (int)RolloutPhase.Superseded,
                endedAt = ended ? write.Now.ToMicroseconds() : (long?)null,
            });
        if (rows > 0)
        {
            write.Append(draft);
            write.Announce(ResourceKind.Fleet, fleet);
        }

        return rows;
    }, commit: true, ct);

    /// <inheritdoc/>
    public Task RememberFailureAsync(string fleetUid, string node, string revision, string reason, EventDraft draft, CancellationToken ct) => database.WriteAsync(write =>
    {
        var rows = write.Execute(
            "insert or ignore into node_failures (fleet_uid, node, revision, reason, failed_at) values (@fleetUid, @node, @revision, @reason, @now)",
            new { fleetUid, node, revision, reason, now = write.Now.ToMicroseconds() });
        if (rows > 0)
        {
            write.Append(draft);
            write.Announce(ResourceKind.Desired, node);
        }

        return rows;
    }, commit: true, ct);

    /// <inheritdoc/>
    public Task AppendEventsAsync(IReadOnlyList<EventDraft> drafts, CancellationToken ct) => database.WriteAsync(write =>
    {
        foreach (var draft in drafts)
        {
            write.Append(draft);
        }

        return drafts.Count;
    }, commit: true, ct);

    private sealed record Failure(string FleetUid, string Node, string Revision);
}
