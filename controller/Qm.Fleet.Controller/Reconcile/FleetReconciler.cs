using System.Collections.Immutable;
using Microsoft.Extensions.Options;
using Qm.Fleet.Controller.Gateway;
using Qm.Fleet.Controller.Options;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Controller.Supervise;
using Qm.Fleet.Core.Rollouts;

namespace Qm.Fleet.Controller.Reconcile;

/// <summary>Gives every node its worker and every fleet its rollout, and keeps both in step with the store.</summary>
internal sealed partial class FleetReconciler(
    IReconcileStore store, ChangeFeed feed, BlueChiLink blueChi, IAgentLinks agents, LiveNodes live, RolloutKeeper rollouts,
    NodeActor actor, UnitLeases leases, EventSink events, HealingDesk healing, Func<double> random, Decisions decisions, IOptions<ControllerOptions> options, TimeProvider time, ILoggerFactory loggers) : BackgroundService
{
    private static readonly TimeSpan Net = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan WorkerPause = TimeSpan.FromSeconds(5);

    // A pass looks at every node of every fleet, and every change of any node asks for one: over a large fleet, nodes that fail have the processor first.
    private const int PauseFactor = 9;
    private static readonly TimeSpan ShortestPause = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(250);

    private readonly Signal _signal = new();
    private readonly ILogger _logger = loggers.CreateLogger<FleetReconciler>();
    private readonly Dictionary<string, (NodeWorker Worker, CancellationTokenSource Stop, Task Run)> _workers = new(StringComparer.Ordinal);
    private volatile ImmutableSortedDictionary<string, NodeWorker> _byName = ImmutableSortedDictionary<string, NodeWorker>.Empty;
    private ImmutableArray<string> _knownHosts = [];
    private DesiredState _desired = new([], []);
    private ImmutableDictionary<string, ImmutableArray<string>> _members = ImmutableDictionary<string, ImmutableArray<string>>.Empty;
    private bool _isLeft;
    private int _desiredStale = 1;

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => RunAsync(stoppingToken);

    /// <summary>Works until cancelled, where it was called.</summary>
    internal async Task RunAsync(CancellationToken stoppingToken)
    {
        blueChi.HostChanged += (host, unit) => _byName.GetValueOrDefault(host)?.UnitChanged(unit);
        blueChi.AllChanged += WakeAll;
        agents.Changed += node => Wake(node, unitsToo: false);
        agents.Measured += node => _byName.GetValueOrDefault(node)?.Measured();
        leases.Operated += node => Wake(node, unitsToo: true);
        live.Changed += _signal.Raise;
        using var subscription = feed.Subscribe(ResourceKind.Desired);
        var follow = FollowAsync(subscription, stoppingToken);
        try
        {
            await LoadAsync(stoppingToken);
            while (!stoppingToken.IsCancellationRequested)
            {
                var begun = time.GetTimestamp();
                try
                {
                    await PassAsync(stoppingToken);
                }
                catch (StoreException e) when (e.IsTransient)
                {
                    Log.StoreNotReady(_logger, e.Message);
                    Volatile.Write(ref _desiredStale, 1);
                }

                await PauseAsync(time.GetElapsedTime(begun) * PauseFactor, stoppingToken);
                await _signal.WaitAsync(Net, time, stoppingToken);
            }
        }
        finally
        {
            await StopAllAsync();
            await follow.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        }
    }

    private Task PauseAsync(TimeSpan pause, CancellationToken ct) =>
        pause < ShortestPause ? Task.CompletedTask : Task.Delay(pause < LongestPause ? pause : LongestPause, time, ct);

    // Nothing is healed before it is known what was.
    private async Task LoadAsync(CancellationToken ct)
    {
        while (true)
        {
            try
            {
                await healing.LoadAsync(ct);
                return;
            }
            catch (StoreException e) when (e.IsTransient)
            {
                Log.StoreNotReady(_logger, e.Message);
                await Task.Delay(Net, time, ct);
            }
        }
    }

    private async Task FollowAsync(ChangeSubscription subscription, CancellationToken ct)
    {
        while (!ct.IsCancellationRequested)
        {
            await subscription.WaitAsync(ct);
            Volatile.Write(ref _desiredStale, 1);
            _signal.Raise();
        }
    }

    private async Task PassAsync(CancellationToken ct)
    {
        var hosts = blueChi.Hosts;
        if (!hosts.SequenceEqual(_knownHosts))
        {
            await store.EnsureNodesAsync("local", hosts, ct);
            _knownHosts = hosts;
            Volatile.Write(ref _desiredStale, 1);
        }

        if (Interlocked.Exchange(ref _desiredStale, 0) == 1)
        {
            _desired = await store.LoadDesiredAsync(ct);
            _isLeft = _desired.Fleets.Any(static fleet => fleet.Leaving is not null);
            await AssignAsync(ct);
        }

        foreach (var fleet in _desired.Fleets)
        {
            await AdvanceAsync(fleet, ct);
        }
    }

    private async Task AssignAsync(CancellationToken ct)
    {
        var names = _desired.Nodes.Select(node => node.Name).ToHashSet(StringComparer.Ordinal);
        foreach (var gone in _workers.Keys.Where(name => !names.Contains(name)).ToArray())
        {
            await StopAsync(gone);
            live.Remove(gone);
        }

        var members = _desired.Fleets.ToDictionary(fleet => fleet.Name, _ => new List<string>(), StringComparer.Ordinal);
        foreach (var node in _desired.Nodes)
        {
            var assignment = Assign(node);
            if (assignment.Fleet is { } fleet)
            {
                members[fleet.Name].Add(node.Name);
            }

            if (!_workers.TryGetValue(node.Name, out var entry))
            {
                entry = Start(node.Name, ct);
                _workers[node.Name] = entry;
            }

            entry.Worker.Assign(assignment);
        }

        foreach (var fleet in _members.Keys.Where(fleet => !members.ContainsKey(fleet)))
        {
            rollouts.Forget(fleet);
        }

        foreach (var fleet in _desired.Fleets)
        {
            healing.SetMembers(fleet.Uid, [.. members[fleet.Name]]);
        }

        _members = members.ToImmutableDictionary(pair => pair.Key, pair => pair.Value.ToImmutableArray(), StringComparer.Ordinal);
        _byName = _workers.ToImmutableSortedDictionary(pair => pair.Key, pair => pair.Value.Worker, StringComparer.Ordinal);
    }

    private NodeAssignment Assign(DesiredNode node)
    {
        var claims = _desired.ClaimsOf(node);
        NodeAssignment assignment = claims switch
        {
            [var fleet] => new(node.Site, fleet, "the rollout of its fleet has not looked at it yet, or has nothing for it", node.Cordoned),
            [] => new(node.Site, null, "no fleet selects this node", node.Cordoned),
            _ => new(node.Site, null, $"fleets {string.Join(", ", claims.Select(fleet => fleet.Name))} all select this node; it is left as it is until one does", node.Cordoned),
        };
        return assignment with
        {
            Labels = node.Labels,
            Maintenance = node.Maintenance,
            Preconditions =
            [
                .. _desired.Fleets.SelectMany(fleet => fleet.Policy.Preconditions.Where(condition => condition.Node == node.Name || (condition.Node.Length == 0 && claims.Contains(fleet))))
                    .Select(condition => condition.Unit).Distinct(),
            ],
        };
    }

    private async Task AdvanceAsync(DesiredFleet fleet, CancellationToken ct)
    {
        if (fleet.Rollout is not { } rollout)
        {
            return;
        }

        if (fleet.IsDeleting && IsClean(rollout.State, _members[fleet.Name]))
        {
            await store.ForgetAsync(fleet, ct);
            Volatile.Write(ref _desiredStale, 1);
            _signal.Raise();
            return;
        }

        var before = rollouts.Find(fleet.Name);
        var disruptions = healing.Disruptions(fleet.Uid);
        var decision = rollouts.Ask(fleet, rollout, _members[fleet.Name], Beside(fleet));
        if (!healing.TryMove(fleet.Uid, disruptions, decision.State.Members))
        {
            // A node that it counted as serving is being taken down.
            _signal.Raise();
            return;
        }

        if (!ReferenceEquals(decision.State, rollout.State))
        {
            // What is not stored is not so: a controller that is killed here decides it again.
            var isStored = await store.AdvanceAsync(fleet.Uid, rollout, decision.State, decision.Message, [.. RolloutEvents.Of(fleet, rollout, decision)], ct);
            Volatile.Write(ref _desiredStale, 1);
            _signal.Raise();
            if (!isStored)
            {
                return;
            }
        }

        foreach (var node in rollouts.Publish(fleet, decision))
        {
            Wake(node, unitsToo: false);
        }

        if (before?.Decision.Message != decision.Message || before.Fleet.Rollout != rollout)
        {
            feed.Publish(ResourceKind.Fleet, fleet.Name);
        }
    }

    private List<(DesiredFleet Fleet, IReadOnlyList<string> Nodes)> Beside(DesiredFleet fleet) => !_isLeft || fleet.Family.Length == 0 ? []
        : [.. _desired.Fleets.Where(other => other != fleet && other.Family == fleet.Family).Select(other => (other, (IReadOnlyList<string>)_members[other.Name]))];

    private static bool IsClean(RolloutState state, ImmutableArray<string> members) =>
        members.IsEmpty || (state.Phase == RolloutPhase.Succeeded && members.All(name => state.Members.GetValueOrDefault(name) is { State: MemberState.Done }));

    private (NodeWorker Worker, CancellationTokenSource Stop, Task Run) Start(string name, CancellationToken ct)
    {
        var stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var worker = new NodeWorker(name, actor, leases, agents, blueChi, rollouts, live, events, new(name, healing, store, events, decisions, random), new(name, events), decisions, random, options.Value.LinkConfirmWithin, time, loggers.CreateLogger<NodeWorker>());
        return (worker, stop, RunAsync(name, worker, stop.Token));
    }

    // One node's trouble must not end the others' work, whatever it is: it is logged, and the node is taken up again after a pause.
#pragma warning disable CA1031
    private async Task RunAsync(string name, NodeWorker worker, CancellationToken ct)
    {
        await Task.Yield();
        while (!ct.IsCancellationRequested)
        {
            try
            {
                await worker.RunAsync(ct);
            }
            catch (OperationCanceledException) when (ct.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                Log.WorkerFailed(_logger, name, e);
                await Task.Delay(WorkerPause, time, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
            }
        }
    }
#pragma warning restore CA1031

    private async Task StopAsync(string name)
    {
        if (_workers.Remove(name, out var entry))
        {
            await entry.Stop.CancelAsync();
            await entry.Run;
            entry.Stop.Dispose();
        }
    }

    private async Task StopAllAsync()
    {
        await Task.WhenAll(_workers.Values.Select(entry => entry.Stop.CancelAsync()));
        foreach (var name in _workers.Keys.ToArray())
        {
            await StopAsync(name);
        }
    }

    private void Wake(string node, bool unitsToo)
    {
        if (_byName.TryGetValue(node, out var worker))
        {
            worker.Wake(unitsToo);
        }
    }

    private void WakeAll()
    {
        foreach (var worker in _byName.Values)
        {
            worker.Wake(unitsToo: true);
        }

        _signal.Raise();
    }

    private static partial class Log
    {
        [LoggerMessage(1320, LogLevel.Error, "The worker of {Node} failed and starts again", EventName = nameof(WorkerFailed))]
        internal static partial void WorkerFailed(ILogger logger, string node, Exception exception);

        [LoggerMessage(1321, LogLevel.Warning, "The store is asked again: {Reason}", EventName = nameof(StoreNotReady))]
        internal static partial void StoreNotReady(ILogger logger, string reason);
    }
}
