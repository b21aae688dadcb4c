using System.Net;
using System.Security.Authentication;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Qm.Fleet.Controller.Gateway;
using Qm.Fleet.Controller.Options;
using Qm.Fleet.Controller.Reconcile;
using Qm.Fleet.Controller.Security;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.Limits;
using Qm.Fleet.V1;
using Pki = Qm.Fleet.Controller.Security.Pki;

namespace Qm.Fleet.Vm.Tests.Node;

/// <summary>The controller's own gateway, and the certificates of both sides.</summary>
internal sealed class Gateway : IAsyncDisposable
{
    // The agent is told to report on changes and when asked: what a test sees of a change was noticed, not polled.
    private static readonly TimeSpan ReportInterval = TimeSpan.FromSeconds(60);

    // Half of the ten seconds over which the kernel tells pressure.
    private static readonly TimeSpan UsageInterval = TimeSpan.FromSeconds(5);

    private readonly WebApplication _application;
    private readonly Pki _pki;

    private readonly IPAddress _seen;
    private readonly string _state;

    private Gateway(WebApplication application, Pki pki, IPAddress seen, string state) => (_application, _pki, _seen, _state) = (application, pki, seen, state);

    /// <summary>The agents that dialled in.</summary>
    internal AgentLinks Links => _application.Services.GetRequiredService<AgentLinks>();

    /// <summary>Takes events into the controller's event log.</summary>
    internal EventSink Sink => _application.Services.GetRequiredService<EventSink>();

    /// <summary>What the controller's event log holds.</summary>
    internal IReadOnlyList<StoredEvent> Events => _application.Services.GetRequiredService<EventLog>().After(0, "", "", 1000);

    /// <summary>The address the node dials.</summary>
    internal string Address => $"https://{_seen}:{new Uri(_application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First()).Port}";

    /// <summary>Starts it.</summary>
    /// <param name="listen">Where.</param>
    /// <param name="seen">What that is to the node.</param>
    internal static async Task<Gateway> StartAsync(IPAddress listen, IPAddress seen)
    {
        var state = Directory.CreateTempSubdirectory("qmfleet-vm-").FullName;
        var pki = Pki.Open(state, TimeProvider.System);
        var peers = pki.Peers();
        var server = pki.Server([$"{seen}"]);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel => kestrel.Listen(listen, 0, listen =>
        {
            listen.Protocols = HttpProtocols.Http2;
            listen.UseHttps(server, https =>
            {
                https.SslProtocols = SslProtocols.Tls13;
                https.ClientCertificateMode = ClientCertificateMode.RequireCertificate;
                https.ClientCertificateValidation = (certificate, _, _) => peers.Identify(certificate) is not null;
                // A handshake without hardware acceleration is slow.
                https.HandshakeTimeout = TimeSpan.FromMinutes(1);
            });
        }));
        builder.Services.AddGrpc();
        // Kills for memory are stored as the controller stores them.
        builder.Services.AddSingleton(TimeProvider.System).AddSingleton<AgentLinks>().AddSingleton<ILinkGuard, NoGuard>().AddSingleton<AgentRenewals>().AddSingleton<EnrollmentStore>().AddSingleton<INodeCertificates>(new PkiNodeCertificates(pki, TimeProvider.System)).AddSingleton<ChangeFeed>().AddSingleton<LiveNodes>()
            .AddSingleton(provider => Database.Open(Path.Combine(state, "fleet.db"), provider.GetRequiredService<ChangeFeed>(), TimeProvider.System))
            .AddSingleton<EventLog>().AddSingleton<OomKillStore>().AddSingleton<IReconcileStore, ReconcileStore>().AddSingleton<EventSink>().AddSingleton<OomKillSink>()
            .AddHostedService(provider => provider.GetRequiredService<EventSink>()).AddHostedService(provider => provider.GetRequiredService<OomKillSink>());
        builder.Services.Configure<ControllerOptions>(options => (options.ReportInterval, options.UsageInterval) = (ReportInterval, UsageInterval));
        var application = builder.Build();
        application.Use((HttpContext context, RequestDelegate next) =>
        {
            context.Features.Set(peers.Identify(context.Connection.ClientCertificate)!);
            return next(context);
        });
        application.MapGrpcService<NodeGatewayService>();
        await application.StartAsync();
        return new(application, pki, seen, state);
    }

    /// <summary>What a node needs to join: <c>ca.crt</c>, <c>node.crt</c> and <c>node.key</c>, as PEM.</summary>
    internal IEnumerable<(string File, string Pem)> Enrol(string node)
    {
        var folder = Path.Combine(_state, "issued", node);
        Directory.CreateDirectory(Path.GetDirectoryName(folder)!);
        _pki.IssueNode(node, folder);
        return Directory.EnumerateFiles(folder).Select(file => (Path.GetFileName(file), File.ReadAllText(file)));
    }

    public async ValueTask DisposeAsync()
    {
        await _application.DisposeAsync();
        _pki.Dispose();
        Directory.Delete(_state, recursive: true);
    }

    /// <summary>There is one node, and the test has its key.</summary>
    private sealed class NoGuard : ILinkGuard
    {
        public Task AdmitAsync(Hello hello, IPAddress? peer, CancellationToken ct) => Task.CompletedTask;

        public Task PaceAsync(AgentLink link, AgentSaid said, int bytes, CancellationToken ct) => Task.CompletedTask;
    }
}
