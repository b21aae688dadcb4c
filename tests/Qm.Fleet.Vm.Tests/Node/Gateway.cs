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

namespace Qm.Fleet.Vm.Tests.Node;

/// <summary>The controller's own gateway on loopback, and the certificates of both sides. QEMU's user network shows loopback to the guest as 10.0.2.2.</summary>
internal sealed class Gateway : IAsyncDisposable
{
    private const string SeenByTheGuest = "10.0.2.2";

    // The agent is told to report on changes and when asked: what a test sees of a change was noticed, not polled.
    private static readonly TimeSpan ReportInterval = TimeSpan.FromSeconds(60);

    private readonly WebApplication _application;
    private readonly X509Certificate2 _authority;

    private readonly string _state;

    private Gateway(WebApplication application, X509Certificate2 authority, string state) => (_application, _authority, _state) = (application, authority, state);

    /// <summary>The agents that dialled in.</summary>
    internal AgentLinks Links => _application.Services.GetRequiredService<AgentLinks>();

    /// <summary>What the controller's event log holds.</summary>
    internal IReadOnlyList<StoredEvent> Events => _application.Services.GetRequiredService<EventLog>().After(0, "", "", 1000);

    /// <summary>The address the guest dials.</summary>
    internal string Address => $"https://{SeenByTheGuest}:{new Uri(_application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First()).Port}";

    internal static async Task<Gateway> StartAsync()
    {
        var authority = MakeAuthority();
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Parse(SeenByTheGuest));
        using var issued = Issue(authority, "CN=controller", "1.3.6.1.5.5.7.3.1", names.Build());
        var server = X509CertificateLoader.LoadPkcs12(issued.Export(X509ContentType.Pkcs12), null);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen =>
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
        builder.Services.AddSingleton(TimeProvider.System).AddSingleton<AgentLinks>().AddSingleton<ChangeFeed>().AddSingleton<LiveNodes>()
            .AddSingleton(provider => Database.Open(Path.Combine(state, "fleet.db"), provider.GetRequiredService<ChangeFeed>(), TimeProvider.System))
            .AddSingleton<EventLog>().AddSingleton<OomKillStore>().AddSingleton<IReconcileStore, ReconcileStore>().AddSingleton<EventSink>().AddSingleton<OomKillSink>()
            .AddHostedService(provider => provider.GetRequiredService<EventSink>()).AddHostedService(provider => provider.GetRequiredService<OomKillSink>());
        builder.Services.Configure<ControllerOptions>(options => options.ReportInterval = ReportInterval);
        var application = builder.Build();
        application.Use((HttpContext context, RequestDelegate next) =>
        {
            context.Features.Set(CallerIdentity.Node(context.Connection.ClientCertificate!.GetNameInfo(X509NameType.SimpleName, forIssuer: false)));
            return next(context);
        });
        application.MapGrpcService<NodeGatewayService>();
        await application.StartAsync();
        return new(application, authority, state);
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

    private static X509Certificate2 MakeAuthority()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=authority of the VM test", key, HashAlgorithmName.SHA256);
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
