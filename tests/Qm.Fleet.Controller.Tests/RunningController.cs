using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Qm.Fleet.Controller.Api;
using Qm.Fleet.Controller.Options;
using Qm.Fleet.Controller.Security;

namespace Qm.Fleet.Controller.Tests;

/// <summary>The daemon in this process without its reconciler: real Kestrel, real keys, real database, on loopback and a Unix socket.</summary>
internal sealed class RunningController : IAsyncDisposable
{
    public static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    private readonly TemporaryFolder _folder;
    private readonly List<IDisposable> _owned = [];

    private RunningController(TemporaryFolder folder, WebApplication app, ControllerOptions options, string addresses)
    {
        (_folder, App, Options) = (folder, app, options);
        Https = addresses.Split(' ')[0];
    }

    public WebApplication App { get; }

    public ControllerOptions Options { get; }

    public string Https { get; }

    public Uri MetricsAddress => new(App.Services.GetRequiredService<IServer>().Features.GetRequiredFeature<IServerAddressesFeature>().Addresses
        .Single(static address => address.StartsWith("http://127.0.0.1", StringComparison.Ordinal)));

    public LiveStatusByHand Live => (LiveStatusByHand)App.Services.GetRequiredService<ILiveStatus>();

    public static async Task<RunningController> StartAsync(
        Action<IServiceCollection>? configure = null, Action<ControllerOptions>? adjust = null)
    {
        var folder = new TemporaryFolder();
        var options = new ControllerOptions
        {
            State = folder["state"],
            Socket = folder["run/qmfleet.sock"],
            Listen = "127.0.0.1:0",
            Metrics = "off",
        };
        adjust?.Invoke(options);
        var app = ControllerHost.Build(options, services =>
        {
            services.Replace(ServiceDescriptor.Singleton<ILiveStatus, LiveStatusByHand>());
            WithoutReconciler(services);
            configure?.Invoke(services);
        });
        var addresses = await ControllerHost.ServeAsync(app, TestContext.Current.CancellationToken);
        return new RunningController(folder, app, options, addresses);
    }

    public T Service<T>()
        where T : notnull => App.Services.GetRequiredService<T>();

    /// <summary>A channel on the Unix socket.</summary>
    public GrpcChannel Local() => Own(GrpcChannel.ForAddress("http://localhost", new GrpcChannelOptions { HttpHandler = UnixHandler(Options.Socket), DisposeHttpClient = true }));

    /// <summary>A client of REST on its Unix socket.</summary>
    public HttpClient Rest()
    {
        var client = new HttpClient(UnixHandler(Options.RestSocket)) { BaseAddress = new("http://localhost"), Timeout = Deadline };
        _owned.Add(client);
        return client;
    }

    /// <summary>A TLS channel as the local administrator.</summary>
    public GrpcChannel Admin() => Tls(X509Certificate2.CreateFromPemFile(Pem("admin/admin.crt"), Pem("admin/admin.key")));

    /// <summary>A TLS channel as a node.</summary>
    public GrpcChannel Node(string name) => Tls(NodeCertificate(name));

    /// <summary>A client for what is not gRPC, as a node; with an empty name as the local administrator, and with none as nobody.</summary>
    public HttpClient Http(string? node)
    {
        var certificate = node switch
        {
            null => null,
            "" => X509Certificate2.CreateFromPemFile(Pem("admin/admin.crt"), Pem("admin/admin.key")),
            _ => NodeCertificate(node),
        };
        var client = new HttpClient(TlsHandler(certificate)) { BaseAddress = new(Https) };
        _owned.Add(client);
        return client;
    }

    /// <summary>A TLS channel with a client certificate, or none; the server is checked against its CA.</summary>
    public GrpcChannel Tls(X509Certificate2? certificate) =>
        Own(GrpcChannel.ForAddress(Https, new GrpcChannelOptions { HttpHandler = TlsHandler(certificate), DisposeHttpClient = true }));

    public async ValueTask DisposeAsync()
    {
        _owned.ForEach(static channel => channel.Dispose());
        await App.DisposeAsync();
        _folder.Dispose();
    }

    private static void WithoutReconciler(IServiceCollection services)
    {
        foreach (var loop in services.Where(static service => service.ServiceType == typeof(IHostedService)
            && service.ImplementationType?.Namespace == typeof(Controller.Reconcile.ReconcileServices).Namespace).ToList())
        {
            services.Remove(loop);
        }
    }

    private SocketsHttpHandler TlsHandler(X509Certificate2? certificate)
    {
        var trust = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        trust.CustomTrustStore.ImportFromPem(Service<Pki>().AuthoritiesPem);
        return new()
        {
            EnableMultipleHttp2Connections = true,
            Expect100ContinueTimeout = Deadline,
            SslOptions = new SslClientAuthenticationOptions
            {
                CertificateChainPolicy = trust,
                ClientCertificates = certificate is null ? null : [certificate],
            },
        };
    }

    private static SocketsHttpHandler UnixHandler(string path) => new()
    {
        EnableMultipleHttp2Connections = true,
        ConnectCallback = async (_, ct) =>
        {
            var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), ct);
            return new NetworkStream(socket, ownsSocket: true);
        },
    };

    private X509Certificate2 NodeCertificate(string name)
    {
        Service<Pki>().IssueNode(name, _folder[name]);
        return X509Certificate2.CreateFromPemFile(_folder[$"{name}/node.crt"], _folder[$"{name}/node.key"]);
    }

    private string Pem(string name) => Path.Combine(Options.State, "pki", name);

    private GrpcChannel Own(GrpcChannel channel)
    {
        _owned.Add(channel);
        return channel;
    }
}
