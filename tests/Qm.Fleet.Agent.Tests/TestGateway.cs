using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Threading.Channels;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Qm.Fleet.V1;

namespace Qm.Fleet.Agent.Tests;

/// <summary>A controller's gateway on loopback: TLS 1.3, client certificates, one stream at a time handed to the test.</summary>
internal sealed class TestGateway : IAsyncDisposable
{
    private readonly WebApplication _application;
    private readonly Channel<Stream> _streams = Channel.CreateUnbounded<Stream>();

    private TestGateway(WebApplication application) => _application = application;

    public Uri Address => new(_application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());

    /// <summary>Serves.</summary>
    /// <param name="server">The certificate it shows.</param>
    /// <param name="welcome">What it welcomes agents with; null for a report a minute.</param>
    /// <param name="archive">What it has in its own store; null for nothing.</param>
    /// <param name="lobby">Lets nodes join, who then need no certificate to ask; null for nobody.</param>
    /// <param name="shown">What it shows in place of its certificate, which need not be one that a server may have; null for nothing else.</param>
    public static async Task<TestGateway> StartAsync(X509Certificate2 server, Welcome? welcome = null, byte[]? archive = null, TestLobby? lobby = null, SslStreamCertificateContext? shown = null)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen =>
        {
            listen.Protocols = HttpProtocols.Http2;
            listen.UseHttps(server, https =>
            {
                https.SslProtocols = SslProtocols.Tls13;
                https.ClientCertificateMode = lobby is null ? ClientCertificateMode.RequireCertificate : ClientCertificateMode.AllowCertificate;
                https.ClientCertificateValidation = (_, _, _) => true;
                https.OnAuthenticate = (_, tls) => tls.ServerCertificateContext = shown ?? tls.ServerCertificateContext;
            });
        }));
        builder.Services.AddGrpc();
        builder.Services.AddSingleton(services => new Gateway(services.GetRequiredService<ChannelWriter<Stream>>(), welcome ?? new() { ReportIntervalMs = 60_000 }));
        TestGateway? gateway = null;
        if (lobby is not null)
        {
            builder.Services.AddSingleton(lobby);
        }

        builder.Services.AddSingleton(_ => gateway!._streams.Writer);
        var application = builder.Build();
        application.MapGrpcService<Gateway>();
        if (lobby is not null)
        {
            application.MapGrpcService<TestLobby>();
        }

        if (archive is not null)
        {
            application.MapGet($"/artifacts/{Convert.ToHexStringLower(SHA256.HashData(archive))}", () => Results.File(archive, enableRangeProcessing: true));
        }

        gateway = new(application);
        await application.StartAsync(TestContext.Current.CancellationToken);
        return gateway;
    }

    public async Task<Stream> NextStreamAsync() => await _streams.Reader.ReadAsync(TestContext.Current.CancellationToken);

    public async ValueTask DisposeAsync() => await _application.DisposeAsync();

    /// <summary>A certificate authority and certificates of it.</summary>
    public static (X509Certificate2 Authority, X509Certificate2 Server) Certificates(string serverName)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=test authority", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        var now = TimeProvider.System.GetUtcNow();
        var authority = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(2));
        return (authority, Issue(authority, "CN=controller", "1.3.6.1.5.5.7.3.1", Names(serverName)));
    }

    /// <summary>What names a host in a certificate.</summary>
    public static X509Extension Names(string host)
    {
        var names = new SubjectAlternativeNameBuilder();
        if (IPAddress.TryParse(host, out var address))
        {
            names.AddIpAddress(address);
        }
        else
        {
            names.AddDnsName(host);
        }

        return names.Build();
    }

    /// <summary>Enrols a node: writes its pki directory.</summary>
    public static void Enrol(EmulatedNode node, string name, X509Certificate2 authority)
    {
        using var certificate = Issue(authority, $"CN={name}, OU=node", "1.3.6.1.5.5.7.3.2", null);
        node.Write("etc/qm-fleet/pki/ca.crt", authority.ExportCertificatePem());
        node.Write("etc/qm-fleet/pki/node.crt", certificate.ExportCertificatePem());
        node.Write("etc/qm-fleet/pki/node.key", certificate.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());
    }

    /// <summary>A certificate of an authority.</summary>
    /// <param name="authority">The authority, with its key.</param>
    /// <param name="subject">Whose, such as CN=ecu1.</param>
    /// <param name="usage">What for, as an object identifier.</param>
    /// <param name="names">The names it holds; null for none.</param>
    /// <param name="end">How long it holds; null for as long as the authority's.</param>
    public static X509Certificate2 Issue(X509Certificate2 authority, string subject, string usage, X509Extension? names, DateTimeOffset? end = null)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(subject, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(usage)], false));
        if (names is not null)
        {
            request.CertificateExtensions.Add(names);
        }

        using var issued = request.Create(authority, authority.NotBefore, end ?? authority.NotAfter, RandomNumberGenerator.GetBytes(8));
        return issued.CopyWithPrivateKey(key);
    }

    /// <summary>One agent's stream, welcomed already.</summary>
    internal sealed class Stream(
        string subject, string serial, Hello hello, IAsyncStreamReader<AgentMessage> messages, IServerStreamWriter<ControllerMessage> commands)
    {
        private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

        // What a command begins may be told before the command's own result.
        private readonly Queue<AgentMessage> _passed = new();
        private int _commands;

        public string Subject => subject;

        /// <summary>Of the certificate that the agent showed.</summary>
        public string Serial => serial;

        public Hello Hello => hello;

        public Task Ended => _ended.Task;

        /// <summary>The next report that fits.</summary>
        public async Task<NodeReport> ReportAsync(Predicate<NodeReport> fits)
        {
            while (await messages.MoveNext(TestContext.Current.CancellationToken))
            {
                if (messages.Current.Report is { } report && fits(report))
                {
                    return report;
                }
            }

            throw new InvalidOperationException("the agent ended the stream");
        }

        /// <summary>The next message, whatever it is; pieces of a diagnosis that came before a command's result are still to come.</summary>
        public async Task<AgentMessage> NextAsync() => _passed.TryDequeue(out var passed) ? passed
            : await messages.MoveNext(TestContext.Current.CancellationToken)
                ? messages.Current : throw new InvalidOperationException("the agent ended the stream");

        /// <summary>Sends a command; returns its result and the last report before it, and leaves the pieces of a diagnosis to <see cref="NextAsync"/>.</summary>
        public async Task<(CommandResult Result, NodeReport Evidence)> DoAsync(Command command)
        {
            await SendAsync(command);
            NodeReport? evidence = null;
            while (await messages.MoveNext(TestContext.Current.CancellationToken))
            {
                evidence = messages.Current.Report ?? evidence;
                if (messages.Current.Result is { } result && result.Id == command.Id)
                {
                    return (result, evidence ?? throw new InvalidOperationException("no evidence came before the result"));
                }

                if (messages.Current.Diagnostics is not null)
                {
                    _passed.Enqueue(messages.Current);
                }
            }

            throw new InvalidOperationException("the agent ended the stream");
        }

        public Task SendAsync(Command command)
        {
            command.Id = $"c{++_commands}";
            return commands.WriteAsync(new ControllerMessage { Command = command }, TestContext.Current.CancellationToken);
        }

        /// <summary>Reads on until the agent ends the stream, and answers what came.</summary>
        public async Task<IReadOnlyList<AgentMessage>> RestAsync()
        {
            List<AgentMessage> rest = [];
            while (await messages.MoveNext(TestContext.Current.CancellationToken))
            {
                rest.Add(messages.Current);
            }

            End();
            return rest;
        }

        /// <summary>Has the certificate renewed.</summary>
        public Task RenewAsync() => commands.WriteAsync(new ControllerMessage { RenewalRequest = new() }, TestContext.Current.CancellationToken);

        /// <summary>Says that kills are stored.</summary>
        public Task TakenAsync(OomKillsTaken taken) =>
            commands.WriteAsync(new ControllerMessage { OomKillsTaken = taken }, TestContext.Current.CancellationToken);

        /// <summary>Ends the stream from the controller's side.</summary>
        public void End() => _ended.TrySetResult();
    }

    private sealed class Gateway(ChannelWriter<Stream> streams, Welcome welcome) : NodeGateway.NodeGatewayBase
    {
        public override async Task Connect(
            IAsyncStreamReader<AgentMessage> requestStream, IServerStreamWriter<ControllerMessage> responseStream, ServerCallContext context)
        {
            Assert.True(await requestStream.MoveNext(context.CancellationToken));
            await responseStream.WriteAsync(new ControllerMessage { Welcome = welcome }, context.CancellationToken);
            var subject = context.GetHttpContext().Connection.ClientCertificate!.Subject;
            var stream = new Stream(subject, context.GetHttpContext().Connection.ClientCertificate!.SerialNumber, requestStream.Current.Hello, requestStream, responseStream);
            await streams.WriteAsync(stream, context.CancellationToken);
            await stream.Ended.WaitAsync(context.CancellationToken);
        }
    }
}
