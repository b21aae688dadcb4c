using System.Collections.Immutable;
using Google.Protobuf.WellKnownTypes;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Qm.Fleet.Controller;
using Qm.Fleet.Controller.Gateway;
using Qm.Fleet.Controller.Options;
using Qm.Fleet.Controller.Reconcile;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Controller.Wire;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Core.Revisions;
using Qm.Fleet.Core.Rollouts;
using Qm.Fleet.Lab.BlueChi;
using Qm.Fleet.Lab.Nodes;
using Qm.Fleet.Lab.Processes;

namespace Qm.Fleet.Benchmarks.Supervision;

/// <summary>The controller as it is shipped, with its database on disk and its BlueChi client on a bus, over so many light nodes with an emulated bluechi-controller.</summary>
internal sealed class HealingSite : IAsyncDisposable
{
    internal const string Workload = "radio.service";

    /// <summary>What the policy waits before it restarts a unit; no more and no less, because it has no jitter.</summary>
    internal static readonly TimeSpan Initial = TimeSpan.FromMilliseconds(100);

    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(2);
    private readonly DirectoryInfo _directory;
    private readonly ProcessLauncher _launcher = new();
    private readonly List<(EmulatedSystemd Host, EmulatedSystemd Qm)> _nodes = [];
    private PrivateBus? _bus;
    private EmulatedBlueChi? _blueChi;
    private WebApplication? _controller;

    private HealingSite(DirectoryInfo directory) => _directory = directory;

    /// <summary>The folder that the controller's database is in.</summary>
    internal string State => Path.Combine(_directory.FullName, "state");

    /// <summary>The nodes, by number from 0.</summary>
    internal ImmutableArray<string> Names { get; private set; } = [];

    internal LightLinks Links { get; } = new();

    internal EmulatedBlueChi BlueChi => _blueChi!;

    internal Database Database => _controller!.Services.GetRequiredService<Database>();

    internal EventSink Events => _controller!.Services.GetRequiredService<EventSink>();

    /// <summary>The controller has read of a node that its workload failed.</summary>
    internal event Action<string>? Looked;

    /// <summary>What is written of supervision, with when.</summary>
    internal TimedStore Store => (TimedStore)_controller!.Services.GetRequiredService<IReconcileStore>();

    /// <summary>Starts everything, and waits until every node has what its fleet wants.</summary>
    /// <param name="directory">Where the state is kept; removed at the end.</param>
    /// <param name="count">How many nodes.</param>
    /// <param name="failed">Told each time a workload has failed, before anybody else is.</param>
    /// <param name="ct">Gives up.</param>
    internal static async Task<HealingSite> StartAsync(DirectoryInfo directory, int count, Action<string> failed, CancellationToken ct)
    {
        var site = new HealingSite(directory) { Names = [.. Enumerable.Range(1, count).Select(static number => $"ecu{number}")] };
        try
        {
            site._bus = await PrivateBus.StartAsync(site._launcher, directory.FullName, directory.FullName, TimeProvider.System, ct);
            site._blueChi = await EmulatedBlueChi.StartAsync(site._bus.Address, site.Names.SelectMany(static name => new[] { name, QmNode.NameFor(name) }), TimeProvider.System, ct);
            await Task.WhenAll(site.Names.Select(name => site.BootAsync(name, failed, ct)));
            await site.ControlAsync(ct);
            await site.ReadyAsync(ct);
            return site;
        }
        catch
        {
            await site.DisposeAsync();
            throw;
        }
    }

    /// <summary>Kills the workload of a node as the kernel does, if it runs.</summary>
    internal Task FailAsync(int node) => _nodes[node].Qm.KillAsync(Workload, 9);

    /// <summary>How many workloads do not run.</summary>
    internal int Down() => _nodes.Count(static node => node.Qm.Find(Workload) is not { IsActive: true });

    public async ValueTask DisposeAsync()
    {
        if (_controller is not null)
        {
            await _controller.StopAsync();
            await _controller.DisposeAsync();
        }

        if (_blueChi is not null)
        {
            await _blueChi.DisposeAsync();
        }

        if (_bus is not null)
        {
            await _bus.DisposeAsync();
        }

        _launcher.Dispose();
        _directory.Delete(recursive: true);
    }

    private async Task BootAsync(string name, Action<string> failed, CancellationToken ct)
    {
        var (host, qm) = (LightUnits.Systemd(name, QmNode.Unit), LightUnits.Systemd(name, QmNode.AgentUnit, Workload));
        qm.Changed += (unit, _) =>
        {
            if (unit is { Name: Workload, ActiveState: "failed" })
            {
                failed(name);
            }
        };
        lock (_nodes)
        {
            _nodes.Add((host, qm));
        }

        await host.RunAsync(JobType.Start, QmNode.Unit, ct);
        await qm.RunAsync(JobType.Start, QmNode.AgentUnit, ct);
        await qm.RunAsync(JobType.Start, Workload, ct);
        BlueChi.TryRegister(name, host);
        BlueChi.TryRegister(QmNode.NameFor(name), qm);
    }

    private async Task ControlAsync(CancellationToken ct)
    {
        var options = new ControllerOptions
        {
            State = State,
            Bus = _bus!.Address,
            Listen = "127.0.0.1:0",
            Socket = Path.Combine(_directory.FullName, "qmfleet.sock"),
            Metrics = "off",
        };
        _controller = ControllerHost.Build(options, services =>
        {
            services.Replace(ServiceDescriptor.Singleton<IAgentLinks>(Links));
            services.Replace(ServiceDescriptor.Singleton<IReconcileStore>(static provider => new TimedStore(new ReconcileStore(provider.GetRequiredService<Database>()))));
            services.Replace(ServiceDescriptor.Singleton(Decisions.Cores with { Decide = Decide }));
            services.AddLogging(static logging => logging.SetMinimumLevel(LogLevel.Error));
        });
        var services = _controller.Services;
        var nodes = services.GetRequiredService<NodeStore>();
        await nodes.EnsureSiteAsync(NodeParser.DefaultSite, options.Bus, ct);
        await nodes.ApplyAsync([.. Names.Select(static name => new NodeSpec(name, ImmutableSortedDictionary<string, string>.Empty.Add("zone", "cockpit"), NodeParser.DefaultSite, Cordoned: false))], "benchmark", dryRun: false, ct);
        var fleet = Fleet();
        var parsed = Manifests.Parse(fleet.Metadata, fleet.Spec);
        var spec = parsed.Value ?? throw new InvalidOperationException(string.Join("; ", parsed.Problems));
        var applied = await services.GetRequiredService<FleetStore>().ApplyAsync([new(spec, fleet.Spec)], "benchmark", dryRun: false, ct);
        Links.Have(applied[0].Fleet.Revision, spec.Environment, Names);
        await ControllerHost.ServeAsync(_controller, ct);
    }

    private NodeStep Decide(NodeView view, DateTimeOffset now)
    {
        if (view.QmUnits.GetValueOrDefault(Workload) is { ActiveState: "failed" })
        {
            Looked?.Invoke(view.Name);
        }

        return NodeReconciler.Decide(view, now);
    }

    private async Task ReadyAsync(CancellationToken ct)
    {
        var (fleets, live) = (_controller!.Services.GetRequiredService<FleetStore>(), _controller.Services.GetRequiredService<LiveNodes>());
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(ct);
        deadline.CancelAfter(Deadline);
        while (fleets.Find("cockpit")?.Rollout?.Phase != RolloutPhase.Succeeded || live.All.Count(static node => node.View.IsSupervised) < Names.Length)
        {
            if (deadline.IsCancellationRequested)
            {
                ct.ThrowIfCancellationRequested();
                var found = live.All.CountBy(static node => $"{node.Step.Name} {node.Step.Reason}").OrderByDescending(static step => step.Value).Take(3);
                throw new TimeoutException($"the fleet was not ready within {Deadline.TotalMinutes:0} min: {string.Join("; ", found.Select(static step => $"{step.Value} nodes {step.Key}"))}");
            }

            await Task.Delay(TimeSpan.FromMilliseconds(200), CancellationToken.None);
        }
    }

    // Nothing holds: neither a common cause nor a budget, and the wait is the same for every restart.
    private static V1.Fleet Fleet() => new()
    {
        Metadata = new() { Name = "cockpit" },
        Spec = new()
        {
            Selector = "zone=cockpit",
            Environment = new()
            {
                Rootfs = new() { Preinstalled = new() },
                Oom = new() { Qm = 500, Nested = 750 },
                Workloads =
                {
                    new V1.Workload { Name = "radio", Quadlet = new() { Fields = { ["Container"] = Value.ForStruct(new() { Fields = { ["Image"] = Value.ForString("localhost/radio:3") } }) } } },
                },
            },
            Rollout = new() { Batches = { new V1.RolloutBatch { Limit = "100%" } }, Soak = "0s", MaxUnavailable = "100%" },
            Supervision = new()
            {
                Restart = new() { Initial = "100ms", Max = "100ms", Factor = "1", Jitter = "0%", Budget = "1000 per 10m", ResetAfter = "10m" },
                Fleet = new() { Budget = "1000 per 10s", Correlated = "100%", Within = "1s" },
                Escalation = { "restart-unit" },
            },
        },
    };
}
