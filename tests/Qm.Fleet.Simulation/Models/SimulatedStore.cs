using System.Collections.Immutable;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.Revisions;
using Qm.Fleet.Core.Rollouts;
using Qm.Fleet.Core.Supervision;
using Qm.Fleet.Simulation.Mutations;
using Qm.Fleet.Simulation.Runs;

namespace Qm.Fleet.Simulation.Models;

/// <summary>What lasts: one fleet with its rollout, its nodes and where revisions failed; survives every controller, and has its bad days.</summary>
internal sealed class SimulatedStore(World world)
{
    private const string Name = "cockpit";
    private readonly SortedDictionary<string, DesiredNode> _nodes = new(StringComparer.Ordinal);
    private readonly Dictionary<(string Revision, string Node), string> _failures = [];
    private int _fleets = 1;
    private int _number;

    /// <summary>The newest rollout; null before the first apply.</summary>
    internal StoredRollout? Rollout { get; private set; }

    internal RolloutPolicy Policy { get; set; } = RolloutPolicy.Default;

    /// <summary>Whether the fleet is being deleted.</summary>
    internal bool IsDeleting { get; private set; }

    private string Uid => $"uid{_fleets}";

    /// <summary>Whether it can write at present.</summary>
    internal bool IsWritable { get; set; } = true;

    internal IReadOnlyDictionary<string, DesiredNode> Nodes => _nodes;

    internal SupervisionPolicy Supervision { get; set; } = SupervisionPolicy.Default;

    /// <summary>What was done about failures, by node.</summary>
    internal SortedDictionary<string, NodeSupervision> Healed { get; } = new(StringComparer.Ordinal);

    /// <summary>What is known of fleets, by uid.</summary>
    internal SortedDictionary<string, FleetSupervision> HealedFleets { get; } = new(StringComparer.Ordinal);

    /// <summary>The nodes that the fleet selects.</summary>
    internal IEnumerable<DesiredNode> Members => _nodes.Values.Where(node => node.Labels.GetValueOrDefault("on") == "yes");

    internal DesiredState Load()
    {
        if (Rollout is not { } rollout)
        {
            return new([], [.. _nodes.Values]);
        }

        var environments = rollout.State.Members.Values.Select(member => member.Base).Append(rollout.ToRevision).Distinct()
            .Where(world.Revisions.ContainsKey).ToDictionary(name => name, name => world.Revisions[name].Environment, StringComparer.Ordinal);
        var failures = _failures.Where(failure => failure.Key.Revision == rollout.ToRevision).ToImmutableSortedDictionary(failure => failure.Key.Node, failure => failure.Value, StringComparer.Ordinal);
        return new([new DesiredFleet(Name, Uid, World.Selector, rollout.ToRevision, Policy, rollout, environments, failures) { IsDeleting = IsDeleting, Supervision = Supervision }], [.. _nodes.Values]);
    }

    internal void Ensure(IEnumerable<string> names)
    {
        foreach (var name in names.Where(name => !_nodes.ContainsKey(name)))
        {
            _nodes[name] = new(name, "local", ImmutableDictionary<string, string>.Empty, false);
        }
    }

    /// <summary>Writes what was decided, unless somebody was faster.</summary>
    internal bool TryAdvance(StoredRollout seen, RolloutState state, string message, bool careless)
    {
        if (Rollout is not { } now || (!careless && (now.Number, now.Version) != (seen.Number, seen.Version)))
        {
            return false;
        }

        foreach (var (node, member) in state.Members.Where(member => member.Value.HasFailed && now.State.Members.GetValueOrDefault(member.Key) is not { HasFailed: true }))
        {
            _failures.TryAdd((state.To, node), member.Failure);
        }

        Rollout = now with { State = state, Version = now.Version + 1, Message = message, EndedAt = state.HasEnded ? now.EndedAt ?? world.Time.GetUtcNow() : null };
        return true;
    }

    /// <summary>Another revision, another policy, or both.</summary>
    internal void Apply(string revision, RolloutPolicy policy)
    {
        (Policy, IsDeleting) = (policy, false);
        if (Rollout?.ToRevision != revision)
        {
            Begin(revision);
        }
    }

    /// <summary>The fleet is to be deleted; false when there is none, or that goes on.</summary>
    internal bool Delete()
    {
        if (Rollout is null || (IsDeleting && !Rollout.HasEnded))
        {
            return false;
        }

        IsDeleting = true;
        foreach (var failure in _failures.Keys.Where(failure => failure.Revision == Removal.Revision).ToArray())
        {
            _failures.Remove(failure);
        }

        world.Referee.Retried(Removal.Revision);
        Begin(Removal.Revision);
        return true;
    }

    /// <summary>The fleet is gone.</summary>
    internal void Forget(DesiredFleet seen)
    {
        if (IsDeleting && seen.Uid == Uid && Rollout is { } rollout && (rollout.Number, rollout.Version) == (seen.Rollout?.Number, seen.Rollout?.Version))
        {
            world.Trace.Add("the fleet is gone");
            (Rollout, IsDeleting, _fleets) = (null, false, _fleets + 1);
            _failures.Clear();
            world.Referee.Retried();
        }
    }

    /// <summary>What a person decides; false when it cannot be.</summary>
    internal bool Change(Func<RolloutState, RolloutState?> change)
    {
        if (Rollout is not { } rollout || change(rollout.State) is not { } state)
        {
            return false;
        }

        foreach (var (node, _) in state.Members.Where(member => !member.Value.HasFailed && rollout.State.Members[member.Key].HasFailed))
        {
            _failures.Remove((state.To, node));
        }

        Rollout = rollout with { State = state, Version = rollout.Version + 1 };
        return true;
    }

    internal void Save(DesiredNode node) => _nodes[node.Name] = node;

    private void Begin(string revision)
    {
        var now = world.Time.GetUtcNow();
        var state = Rollout is { } running && running.ToRevision != revision ? running.State.Supersede(revision, now) : new RolloutState(Rollout?.FromRevision ?? "", revision, RolloutPhase.Progressing);
        Rollout = new(Name, ++_number, 1, state, now, null, "accepted");
    }
}

/// <summary>The store as one incarnation of the controller has it.</summary>
internal sealed class SimulatedStoreClient(World world, ChangeFeed feed, Mutation mutation) : IReconcileStore
{
    public async Task<DesiredState> LoadDesiredAsync(CancellationToken ct)
    {
        await Task.Delay(world.Random.Milliseconds(0, 3), world.Time, ct);
        return mutation.Load(world.Store.Load());
    }

    public async Task EnsureNodesAsync(string site, IReadOnlyCollection<string> names, CancellationToken ct)
    {
        await WriteAsync();
        world.Store.Ensure(names);
    }

    public async Task<bool> AdvanceAsync(string fleetUid, StoredRollout seen, RolloutState state, string message, IReadOnlyList<EventDraft> drafts, CancellationToken ct)
    {
        var decided = world.Time.GetUtcNow();
        var before = seen.State;
        await world.MayKillAsync("decided");
        await WriteAsync();
        await world.MayKillAsync("about to write");
        world.PassBy();
        var isCurrent = (world.Store.Rollout?.Number, world.Store.Rollout?.Version) == (seen.Number, seen.Version);
        if (isCurrent)
        {
            world.Referee.Advances(before, state, decided);
        }

        if (!isCurrent && mutation.IsStale)
        {
            mutation.Imagine(state);
            return true;
        }

        var isStored = world.Store.TryAdvance(seen, state, message, careless: mutation.Is(Bug.ConflictLost));
        if (isStored)
        {
            world.Trace.Add($"rollout {seen.Number} is {state.Phase}: {string.Join(' ', state.Members.Select(member => $"{member.Key}={member.Value.State}"))}");
            world.Referee.Stored(world.Store.Rollout!);
            world.HaveTheirTurn([.. state.Members.Where(member => member.Value.State == MemberState.Moving && before.Members.GetValueOrDefault(member.Key)?.State == MemberState.Waiting).Select(member => member.Key)]);
            feed.Publish(ResourceKind.Desired, seen.Fleet);
        }

        await world.MayKillAsync("written");
        await Task.Delay(world.Random.Milliseconds(0, 2), world.Time, ct);
        return isStored;
    }

    public async Task ForgetAsync(DesiredFleet seen, CancellationToken ct)
    {
        await world.MayKillAsync("all is clean");
        await WriteAsync();
        world.PassBy();
        world.Referee.Forgets(seen);
        world.Store.Forget(seen);
        await world.MayKillAsync("forgotten");
        feed.Publish(ResourceKind.Desired, seen.Name);
    }

    public async Task<StoredSupervision> LoadSupervisionAsync(CancellationToken ct)
    {
        await Task.Delay(world.Random.Milliseconds(0, 3), world.Time, ct);
        return mutation.Is(Bug.HealingForgotten)
            ? new(ImmutableDictionary<string, NodeSupervision>.Empty, ImmutableDictionary<string, FleetSupervision>.Empty)
            : new(world.Store.Healed.ToDictionary(StringComparer.Ordinal), world.Store.HealedFleets.ToDictionary(StringComparer.Ordinal));
    }

    public async Task SuperviseAsync(string node, NodeSupervision state, IReadOnlyList<EventDraft> drafts, CancellationToken ct)
    {
        await world.MayKillAsync("about to heal");
        await WriteAsync();
        world.Store.Healed[node] = state.Stored;
        world.Trace.Add($"{node}: {string.Join("; ", drafts.Select(draft => $"{draft.Reason} {draft.Message}"))}{(state.Quarantine is null ? "" : ", in quarantine")}");
        await world.MayKillAsync("wrote that it heals");
    }

    public async Task SuperviseFleetAsync(string fleetUid, FleetSupervision state, IReadOnlyList<EventDraft> drafts, CancellationToken ct)
    {
        await WriteAsync();
        world.Store.HealedFleets[fleetUid] = state;
        world.Trace.Add(string.Join("; ", drafts.Select(draft => $"{draft.Reason} {draft.Message}")));
    }

    public Task AppendEventsAsync(IReadOnlyList<EventDraft> drafts, CancellationToken ct) => WriteAsync();

    private async Task WriteAsync()
    {
        await Task.Delay(world.Random.Milliseconds(0, 15), world.Time);
        if (!world.Store.IsWritable)
        {
            throw new StoreException("the disk is full", isTransient: true);
        }
    }
}
