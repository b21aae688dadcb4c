using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Qm.Fleet.BlueChi;
using Qm.Fleet.Controller.Options;
using Qm.Fleet.Controller.Reconcile;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Controller.Supervise;
using Qm.Fleet.Simulation.Mutations;
using Qm.Fleet.Simulation.Runs;

namespace Qm.Fleet.Simulation.Models;

/// <summary>One life of the controller: the loops of the product over the models; killed, nothing of it ever runs again.</summary>
#pragma warning disable CA1001 // A process that is killed disposes of nothing, and neither does this.
internal sealed class SimulatedController : SynchronizationContext
#pragma warning restore CA1001
{
    private readonly World _world;
    private readonly BlueChiLink _link;
    private readonly FleetReconciler _reconciler;
    private readonly EventSink _events;
    private Task _running = Task.CompletedTask;
    private bool _isAlive = true;

    internal SimulatedController(World world)
    {
        _world = world;
        var mutation = new Mutation(world.Bug);
        Mutation = mutation;
        Feed = new();
        Links = new(world, mutation);
        Live = new(Feed);
        var store = new SimulatedStoreClient(world, Feed, mutation);
        _events = new(store, world.Time, NullLogger<EventSink>.Instance);
        _link = new(_events);
        BlueChi = new Ear(_link, mutation);
        var healing = new HealingDesk(store, mutation.Decisions, world.Time);
        Healing = healing;
        var rollouts = new RolloutKeeper(new(Live, Links, healing, world.Time), mutation.Decisions, world.Time);
        _reconciler = new(
            store, Feed, _link, Links, Live, rollouts, new(Links, _link), _events, healing, () => world.Random.Below(1000) / 1000.0, mutation.Decisions, Options.Create(new ControllerOptions()), world.Time, NullLoggerFactory.Instance);
    }

    internal ChangeFeed Feed { get; }

    internal SimulatedLinks Links { get; }

    internal LiveNodes Live { get; }

    internal IBlueChiObserver BlueChi { get; }

    internal HealingDesk Healing { get; }

    internal Mutation Mutation { get; }

    /// <summary>Since when it runs.</summary>
    internal TimeSpan Since { get; private set; }

    /// <summary>What ended it that must not; null while all is well.</summary>
    internal Exception? Fault => _running.Exception?.InnerException;

    public override void Post(SendOrPostCallback d, object? state) => _world.Pump.Post(static given => ((Posted)given!).Run(), new Posted(this, d, state));

    public override void Send(SendOrPostCallback d, object? state) => d(state);

    public override SynchronizationContext CreateCopy() => this;

    internal void Start()
    {
        Since = _world.Time.Elapsed;
        Post(_ => _running = Task.WhenAny(_reconciler.RunAsync(CancellationToken.None), _events.RunAsync(CancellationToken.None)).Unwrap(), null);
        _world.Time.After(_world.Random.Milliseconds(10, 900), Meet);
        foreach (var node in _world.Nodes)
        {
            _world.Time.After(_world.Random.Milliseconds(10, 3_000), () => Dial(node));
        }
    }

    internal void Kill() => _isAlive = false;

    /// <summary>There is a bluechi-controller to talk to.</summary>
    internal void Meet()
    {
        if (_isAlive && _world.BlueChi.IsUp)
        {
            BlueChi.Connected(new SimulatedBlueChi(_world, Mutation), _world.BlueChi.Nodes);
        }
    }

    internal void Dial(SimulatedNode node)
    {
        if (_isAlive)
        {
            Links.Dial(node);
        }
    }

    private sealed record Posted(SimulatedController Owner, SendOrPostCallback Callback, object? State)
    {
        internal void Run()
        {
            if (!Owner._isAlive)
            {
                return;
            }

            var before = Current;
            SetSynchronizationContext(Owner);
            try
            {
                Callback(State);
            }
            finally
            {
                SetSynchronizationContext(before);
            }
        }
    }

    private sealed class Ear(BlueChiLink link, Mutation mutation) : IBlueChiObserver
    {
        public void Connected(IBlueChi blueChi, IReadOnlyList<NodeInfo> nodes) => link.Connected(blueChi, nodes);

        public void Disconnected(string reason) => link.Disconnected(reason);

        public void NodeStatusChanged(string node, NodeStatus status) => link.NodeStatusChanged(node, status);

        public void UnitChanged(string node, string unit, UnitHint hint)
        {
            mutation.Heard(node, hint);
            link.UnitChanged(node, unit, hint);
        }
    }
}
