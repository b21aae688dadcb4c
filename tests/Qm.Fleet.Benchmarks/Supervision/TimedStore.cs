using System.Diagnostics;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.Rollouts;
using Qm.Fleet.Core.Supervision;

namespace Qm.Fleet.Benchmarks.Supervision;

/// <summary>The store, and when what is known of a node was given to it and was on disk.</summary>
internal sealed class TimedStore(IReconcileStore store) : IReconcileStore
{
    /// <summary>A node was written: its name, when that was asked for and when it was on disk, as of <see cref="Stopwatch"/>.</summary>
    internal event Action<string, long, long>? Supervised;

    public Task<DesiredState> LoadDesiredAsync(CancellationToken ct) => store.LoadDesiredAsync(ct);

    public Task EnsureNodesAsync(string site, IReadOnlyCollection<string> names, CancellationToken ct) => store.EnsureNodesAsync(site, names, ct);

    public Task<bool> AdvanceAsync(string fleetUid, StoredRollout seen, RolloutState state, string message, IReadOnlyList<EventDraft> drafts, CancellationToken ct) =>
        store.AdvanceAsync(fleetUid, seen, state, message, drafts, ct);

    public Task ForgetAsync(DesiredFleet seen, CancellationToken ct) => store.ForgetAsync(seen, ct);

    public Task AppendEventsAsync(IReadOnlyList<EventDraft> drafts, CancellationToken ct) => store.AppendEventsAsync(drafts, ct);

    public Task<StoredSupervision> LoadSupervisionAsync(CancellationToken ct) => store.LoadSupervisionAsync(ct);

    public async Task SuperviseAsync(string node, NodeSupervision state, IReadOnlyList<EventDraft> drafts, CancellationToken ct)
    {
        var asked = Stopwatch.GetTimestamp();
        await store.SuperviseAsync(node, state, drafts, ct);
        Supervised?.Invoke(node, asked, Stopwatch.GetTimestamp());
    }

    public Task SuperviseFleetAsync(string fleetUid, FleetSupervision state, IReadOnlyList<EventDraft> drafts, CancellationToken ct) => store.SuperviseFleetAsync(fleetUid, state, drafts, ct);
}
