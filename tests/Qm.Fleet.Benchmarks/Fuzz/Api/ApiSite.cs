using System.Net.Sockets;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Hosting;
using Qm.Fleet.Controller;
using Qm.Fleet.Controller.Options;

namespace Qm.Fleet.Benchmarks.Fuzz.Api;

/// <summary>The controller in this process, on Unix sockets in a folder of its own, without the loops that act on nodes.</summary>
internal sealed class ApiSite : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly string _folder;
    private readonly GrpcChannel _channel;

    private ApiSite(WebApplication app, string folder, ControllerOptions options)
    {
        (_app, _folder) = (app, folder);
        _channel = GrpcChannel.ForAddress("http://localhost", new GrpcChannelOptions { HttpHandler = Handler(options.Socket), DisposeHttpClient = true });
        Rest = new HttpClient(Handler(options.RestSocket)) { Timeout = Timeout.InfiniteTimeSpan };
    }

    internal CallInvoker Grpc => _channel.CreateCallInvoker();

    internal HttpClient Rest { get; }

    internal static async Task<ApiSite> StartAsync(CancellationToken ct)
    {
        var folder = Directory.CreateTempSubdirectory("qm-fleet-fuzz-").FullName;
        var options = new ControllerOptions { State = Path.Combine(folder, "state"), Socket = Path.Combine(folder, "run/qmfleet.sock"), Listen = "127.0.0.1:0", Metrics = "off", Limits = WideLimits.All };
        var app = ControllerHost.Build(options, static services =>
        {
            foreach (var loop in services.Where(static service => service.ServiceType == typeof(IHostedService)
                && service.ImplementationType?.Namespace == typeof(Qm.Fleet.Controller.Reconcile.ReconcileServices).Namespace).ToList())
            {
                services.Remove(loop);
            }
        });
        await ControllerHost.ServeAsync(app, ct);
        return new ApiSite(app, folder, options);
    }

    public async ValueTask DisposeAsync()
    {
        _channel.Dispose();
        Rest.Dispose();
        await _app.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private static SocketsHttpHandler Handler(string path) => new()
    {
        ConnectCallback = async (_, ct) =>
        {
            var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), ct);
            return new NetworkStream(socket, ownsSocket: true);
        },
        EnableMultipleHttp2Connections = true,
    };
}
