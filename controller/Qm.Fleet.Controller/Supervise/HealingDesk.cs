using System.Collections.Concurrent;
using System.Collections.Immutable;
using Qm.Fleet.Controller.Reconcile;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Core.Rollouts;
using Qm.Fleet.Core.Supervision;

namespace Qm.Fleet.Controller.Supervise;

/// <summary>The nodes of a fleet.</summary>
/// <param name="Nodes">Their names.</param>
/// <param name="Members">Where each stands in the fleet's rollout, what is about to be stored of it included.</param>
internal sealed record FleetMembers(ImmutableArray<string> Nodes, ImmutableSortedDictionary<string, RolloutMember> Members);

/// <summary>What is known of every node over time, and the one place at which a node of a fleet is let heal.</summary>
/// <remarks>One after the other within a fleet: two nodes that ask at the same moment must not both take the last of its budget.</remarks>
internal sealed class HealingDesk(IReconcileStore store, Decisions decisions, TimeProvider time)
{
    /// <summary>How soon a node that is held up by its fleet asks again.</summary>
    internal static readonly TimeSpan AskAgain = TimeSpan.FromSeconds(5);

    private readonly (DateTimeOffset Time, long Timestamp) _start = (time.GetUtcNow(), time.GetTimestamp());
    private readonly ConcurrentDictionary<string, Known> _nodes = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, Fleet> _fleets = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, bool> _takenDown = new(StringComparer.Ordinal);

    /// <summary>The time all judgements are made by: a clock that is set must neither end a wait nor fill a budget.</summary>
    internal DateTimeOffset Now => _start.Time + time.GetElapsedTime(_start.Timestamp);

    /// <summary>How far the clock on the wall is ahead of <see cref="Now"/>; what is stored goes by the wall, which outlives this process.</summary>
    internal TimeSpan Ahead => time.GetUtcNow() - Now;

    /// <summary>Reads what an earlier controller knew.</summary>
    internal async Task LoadAsync(CancellationToken ct)
    {
        var stored = await store.LoadSupervisionAsync(ct);
        foreach (var (node, state) in stored.Nodes)
        {
            _nodes.TryAdd(node, new(state));
        }

        foreach (var (uid, state) in stored.Fleets)
        {
            _fleets.TryAdd(uid, new() { State = state });
        }
    }

    /// <summary>Which nodes a fleet has.</summary>
    internal void SetMembers(string fleetUid, ImmutableArray<string> nodes) => FleetOf(fleetUid).Nodes = nodes;

    /// <summary>Whether QM of a node was let be taken down, and nobody has looked at it since.</summary>
    internal bool TakesDown(string node) => _takenDown.ContainsKey(node);

    /// <summary>A node was looked at after what was done to it: from here on it is what it was seen to be.</summary>
    internal void Looked(string node) => _takenDown.TryRemove(node, out _);

    /// <summary>How often QM of a node of a fleet was let be taken down.</summary>
    internal long Disruptions(string fleetUid) => Interlocked.Read(ref FleetOf(fleetUid).Disruptions);

    /// <summary>Takes note of what a fleet's rollout is about to do, so that what heals counts the nodes it takes down.</summary>
    /// <param name="fleetUid">The fleet.</param>
    /// <param name="seen">What <see cref="Disruptions"/> was before that was decided.</param>
    /// <param name="members">Where each node will stand.</param>
    /// <returns>False when QM of a node was let be taken down meanwhile: then it has to be decided once more.</returns>
    internal bool TryMove(string fleetUid, long seen, ImmutableSortedDictionary<string, RolloutMember> members)
    {
        var entry = FleetOf(fleetUid);
        lock (entry.Gate)
        {
            if (entry.Disruptions != seen)
            {
                return false;
            }

            entry.Members = members;
            return true;
        }
    }

    /// <summary>What is known of a node.</summary>
    internal NodeSupervision Of(string node) => _nodes.GetValueOrDefault(node)?.State ?? NodeSupervision.New;

    /// <summary>Notes what is known of a node, unless somebody released or quarantined it meanwhile.</summary>
    internal bool TrySet(string node, NodeSupervision seen, NodeSupervision state) =>
        ReferenceEquals(seen, state) || (_nodes.TryGetValue(node, out var known) ? ReferenceEquals(known.State, seen) && _nodes.TryUpdate(node, new(state), known) : _nodes.TryAdd(node, new(state)));

    /// <summary>Somebody decided about a node; the store has it already.</summary>
    internal void Decided(string node, Quarantine? quarantine) =>
        _nodes[node] = new(Of(node).Decided(quarantine));

    /// <summary>Asks whether a node may be healed now, and takes it down as done if so.</summary>
    /// <param name="fleet">Its fleet.</param>
    /// <param name="node">The node.</param>
    /// <param name="seen">What was known of it when it was judged.</param>
    /// <param name="state">What is known of it.</param>
    /// <param name="heal">What is to be done.</param>
    /// <param name="mayDisrupt">What keeps QM, which runs, from being taken down for it; null where it takes nothing down.</param>
    /// <param name="ct">Ends the write of what happened.</param>
    /// <returns>What is known of the node then, and what keeps it from being healed; null when nothing does.</returns>
    internal async Task<(NodeSupervision State, HealingHold? Hold)> AskAsync(
        DesiredFleet fleet, string node, NodeSupervision seen, NodeSupervision state, NodeStep.Heal heal, Func<FleetMembers, HealingHold?>? mayDisrupt, CancellationToken ct)
    {
        var entry = FleetOf(fleet.Uid);
        FleetHealingVerdict verdict;
        HealingHold? hold;
        FleetSupervision before;
        var now = Now;
        lock (entry.Gate)
        {
            if (!TrySet(node, seen, state))
            {
                return (seen, new("Reading", "somebody decided about the node", now));
            }

            before = entry.State;
            var members = entry.Nodes.IsDefault ? [node] : entry.Nodes;
            verdict = decisions.MayHeal([.. Troubles(members)], _nodes.GetValueOrDefault(node)?.Trouble ?? NodeTrouble.None, members.Length, before, fleet.Supervision, now);
            entry.State = verdict.State;
            hold = verdict.Hold ?? mayDisrupt?.Invoke(new(members, entry.Members));
            if (hold is null)
            {
                var acting = Supervisor.Acting(state, heal, fleet.Supervision, now);
                if (!TrySet(node, state, acting))
                {
                    return (state, new("Reading", "somebody decided about the node", now));
                }

                state = acting;
                if (mayDisrupt is not null)
                {
                    entry.Disruptions++;
                    _takenDown[node] = true;
                }
            }
        }

        if (verdict.Notice is { } notice)
        {
            try
            {
                await store.SuperviseFleetAsync(fleet.Uid, verdict.State, [NodeHealer.ToEvent(notice, fleet.Shown, fleet.Leaving ?? "")], ct);
            }
            catch (StoreException)
            {
                // Whoever asks next finds it anew, and tells it then.
                lock (entry.Gate)
                {
                    entry.State = ReferenceEquals(entry.State, verdict.State) ? before : entry.State;
                }

                throw;
            }
        }

        return (state, hold);
    }

    private Fleet FleetOf(string uid) => _fleets.GetOrAdd(uid, static _ => new());

    private IEnumerable<NodeTrouble> Troubles(ImmutableArray<string> members)
    {
        foreach (var member in members)
        {
            if (_nodes.GetValueOrDefault(member)?.Trouble is { } trouble && !ReferenceEquals(trouble, NodeTrouble.None))
            {
                yield return trouble;
            }
        }
    }

    private sealed class Known(NodeSupervision state)
    {
        internal NodeSupervision State { get; } = state;

        internal NodeTrouble Trouble => field ??= NodeTrouble.Of(State);
    }

    private sealed class Fleet
    {
        internal Lock Gate { get; } = new();

        internal ImmutableArray<string> Nodes { get; set; }

        internal ImmutableSortedDictionary<string, RolloutMember> Members { get; set; } = ImmutableSortedDictionary.Create<string, RolloutMember>(StringComparer.Ordinal);

        internal FleetSupervision State { get; set; } = FleetSupervision.New;

        internal long Disruptions;
    }
}
