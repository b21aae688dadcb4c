using System.Net;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
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
using Qm.Fleet.V1;

namespace Qm.Fleet.Vm.Tests.Node;

/// <summary>The controller's own gateway, and the certificates of both sides.</summary>
internal sealed class Gateway : IAsyncDisposable
{
    // The agent is told to report on changes and when asked: what a test sees of a change was noticed, not polled.
    private static readonly TimeSpan ReportInterval = TimeSpan.FromSeconds(60);

    // Half of the ten seconds over which the kernel tells pressure.
    private static readonly TimeSpan UsageInterval = TimeSpan.FromSeconds(5);

    private readonly WebApplication _application;
    private readonly X509Certificate2 _authority;

    private readonly IPAddress _seen;
    private readonly string _state;

    private Gateway(WebApplication application, X509Certificate2 authority, IPAddress seen, string state) =>
        (_application, _authority, _seen, _state) = (application, authority, seen, state);

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
        var authority = MakeAuthority();
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(seen);
        using var issued = Issue(authority, "CN=controller", "1.3.6.1.5.5.7.3.1", names.Build());
        var server = X509CertificateLoader.LoadPkcs12(issued.Export(X509ContentType.Pkcs12), null);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel => kestrel.Listen(listen, 0, listen =>
        {
            listen.Protocols = HttpProtocols.Http2;
            listen.UseHttps(server, https =>
            {
                https.SslProtocols = SslProtocols.Tls13;
                https.ClientCertificateMode = ClientCertificateMode.RequireCertificate;
                https.ClientCertificateValidation = (certificate, _, _) => certificate.IssuerName.Name == authority.SubjectName.Name;
                // A handshake without hardware acceleration is slow.
                https.HandshakeTimeout = TimeSpan.FromMinutes(1);
            });
        }));
        builder.Services.AddGrpc();
        // Kills for memory are stored as the controller stores them.
        var state = Directory.CreateTempSubdirectory("qmfleet-vm-").FullName;
        builder.Services.AddSingleton(TimeProvider.System).AddSingleton<AgentLinks>().AddSingleton<ILinkGuard, NoGuard>().AddSingleton<ChangeFeed>().AddSingleton<LiveNodes>()
            .AddSingleton(provider => Database.Open(Path.Combine(state, "fleet.db"), provider.GetRequiredService<ChangeFeed>(), TimeProvider.System))
            .AddSingleton<EventLog>().AddSingleton<OomKillStore>().AddSingleton<IReconcileStore, ReconcileStore>().AddSingleton<EventSink>().AddSingleton<OomKillSink>()
            .AddHostedService(provider => provider.GetRequiredService<EventSink>()).AddHostedService(provider => provider.GetRequiredService<OomKillSink>());
        builder.Services.Configure<ControllerOptions>(options => (options.ReportInterval, options.UsageInterval) = (ReportInterval, UsageInterval));
        var application = builder.Build();
        application.Use((HttpContext context, RequestDelegate next) =>
        {
            context.Features.Set(CallerIdentity.Node(context.Connection.ClientCertificate!.GetNameInfo(X509NameType.SimpleName, forIssuer: false)));
            return next(context);
        });
        application.MapGrpcService<NodeGatewayService>();
        await application.StartAsync();
        return new(application, authority, seen, state);
    }

    /// <summary>What a node needs to join: <c>ca.crt</c>, <c>node.crt</c> and <c>node.key</c>, as PEM.</summary>
    internal IEnumerable<(string File, string Pem)> Enrol(string node)
    {
        using var certificate = Issue(_authority, $"CN={node}, OU=node", "1.3.6.1.5.5.7.3.2", null);
        return
        [
            ("ca.crt", _authority.ExportCertificatePem()), ("node.crt", certificate.ExportCertificatePem()),
            ("node.key", certificate.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem()),
        ];
    }

    public async ValueTask DisposeAsync()
    {
        await _application.DisposeAsync();
        _authority.Dispose();
        Directory.Delete(_state, recursive: true);
    }

    /// <summary>There is one node, and the test has its key.</summary>
    private sealed class NoGuard : ILinkGuard
    {
        public Task AdmitAsync(Hello hello, IPAddress? peer, CancellationToken ct) => Task.CompletedTask;

        public Task PaceAsync(string node, int bytes, CancellationToken ct) => Task.CompletedTask;
    }

    private static X509Certificate2 MakeAuthority()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=authority of the test", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        var now = TimeProvider.System.GetUtcNow();
        return request.CreateSelfSigned(now.AddDays(-1), now.AddDays(2));
    }

    private static X509Certificate2 Issue(X509Certificate2 authority, string subject, string usage, X509Extension? names)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(subject, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(usage)], false));
        if (names is not null)
        {
            request.CertificateExtensions.Add(names);
        }

        using var issued = request.Create(authority, authority.NotBefore, authority.NotAfter, RandomNumberGenerator.GetBytes(8));
        return issued.CopyWithPrivateKey(key);
    }
}
