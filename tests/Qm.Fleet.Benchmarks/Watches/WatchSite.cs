using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Globalization;
using System.Net.Sockets;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Qm.Fleet.Controller;
using Qm.Fleet.Controller.Api;
using Qm.Fleet.Controller.Options;
using Qm.Fleet.Controller.Reconcile;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.Environments;

namespace Qm.Fleet.Benchmarks.Watches;

/// <summary>The controller with its server and its database, without its loops: what nodes are is said here.</summary>
internal sealed class WatchSite : IAsyncDisposable
{
    // A connection takes so many streams at most; a server refuses more.
    private const int StreamsPerChannel = 50;

    private readonly DirectoryInfo _directory;
    private readonly WebApplication _controller;
    private readonly string _socket;
    private readonly ChangingStatus _status;
    private readonly List<GrpcChannel> _channels = [];
    private readonly List<GrpcChannel> _owned = [];

    private WatchSite(DirectoryInfo directory, WebApplication controller, string socket, ChangingStatus status) =>
        (_directory, _controller, _socket, _status) = (directory, controller, socket, status);

    internal static async Task<WatchSite> StartAsync(DirectoryInfo directory, int nodes, CancellationToken ct)
    {
        var (socket, status) = (Path.Combine(directory.FullName, "qmfleet.sock"), new ChangingStatus());
        var options = new ControllerOptions { State = Path.Combine(directory.FullName, "state"), Listen = "127.0.0.1:0", Socket = socket, Metrics = "off", Limits = WideLimits.All };
        var controller = ControllerHost.Build(options, services =>
        {
            services.Replace(ServiceDescriptor.Singleton<ILiveStatus>(status));
            foreach (var loop in services.Where(static service => service.ServiceType == typeof(IHostedService) && service.ImplementationType?.Namespace == typeof(BlueChiWorker).Namespace).ToList())
            {
                services.Remove(loop);
            }

            services.AddLogging(static logging => logging.SetMinimumLevel(LogLevel.Error));
        });
        var site = new WatchSite(directory, controller, socket, status);
        await ControllerHost.ServeAsync(controller, ct);
        await controller.Services.GetRequiredService<NodeStore>().ApplyAsync(
            [.. Enumerable.Range(0, nodes).Select(static number => new NodeSpec(Name(number), ImmutableSortedDictionary<string, string>.Empty.Add("zone", "cockpit"), NodeParser.DefaultSite, Cordoned: false))],
            "benchmark", dryRun: false, ct);
        return site;
    }

    internal static string Name(int node) => string.Create(CultureInfo.InvariantCulture, $"ecu{node}");

    /// <summary>A client for one more watcher.</summary>
    /// <param name="number">Which one, from 0.</param>
    internal V1.NodeService.NodeServiceClient Client(int number)
    {
        while (_channels.Count <= number / StreamsPerChannel)
        {
            _channels.Add(Channel());
        }

        return new(_channels[number / StreamsPerChannel]);
    }

    /// <summary>A client on a connection of its own.</summary>
    internal V1.NodeService.NodeServiceClient OwnClient()
    {
        _owned.Add(Channel());
        return new(_owned[^1]);
    }

    /// <summary>Changes a node, as its worker does when it has looked at it.</summary>
    internal void Change(int node, int number)
    {
        _status.Set(Name(node), number);
        _controller.Services.GetRequiredService<ChangeFeed>().Publish(ResourceKind.Node, Name(node));
    }

    public async ValueTask DisposeAsync()
    {
        _channels.Concat(_owned).ToList().ForEach(static channel => channel.Dispose());
        await _controller.StopAsync();
        await _controller.DisposeAsync();
        _directory.Delete(recursive: true);
    }

    private GrpcChannel Channel() => GrpcChannel.ForAddress("http://localhost", new GrpcChannelOptions
    {
        HttpHandler = new SocketsHttpHandler
        {
            ConnectCallback = async (_, ct) =>
            {
                var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(_socket), ct);
                return new NetworkStream(socket, ownsSocket: true);
            },
        },
        DisposeHttpClient = true,
    });

    /// <summary>Nodes with all the conditions that nodes have; the revision tells which change it was.</summary>
    private sealed class ChangingStatus : ILiveStatus
    {
        private static readonly string[] Conditions = ["BluechiOnline", "QmOnline", "ExtensionConnected", "QmActive", "Verified", "Synced", "Ready", "ClockInSync", "DiskSpace", "ReportsInPace"];
        private readonly ConcurrentDictionary<string, int> _numbers = new(StringComparer.Ordinal);

        internal void Set(string name, int number) => _numbers[name] = number;

        public V1.NodeStatus Node(string name)
        {
            var status = new V1.NodeStatus
            {
                Fleet = "cockpit",
                DesiredRevision = "9f3a61c2",
                Revision = _numbers.GetValueOrDefault(name).ToString(CultureInfo.InvariantCulture),
                Step = new() { Name = "Ready", Message = "has what its fleet wants, read back" },
            };
            status.Conditions.AddRange(Conditions.Select(static type => new V1.Condition { Type = type, Status = V1.Condition.Types.Status.True, Reason = "AsWanted", Message = "Everything was read back as it is wanted." }));
            return status;
        }

        public V1.FleetStatus Fleet(StoredFleet fleet) => new() { Revision = fleet.Revision };
    }
}
