using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.Options;
using Qm.Fleet.Controller.Options;
using Qm.Fleet.Controller.Security.Limits;
using Qm.Fleet.Core.Limits;

namespace Qm.Fleet.Controller.Security;

/// <summary>The daemon's doors. Each gives every connection its <see cref="CallerIdentity"/> or closes it.</summary>
internal sealed partial class Listeners(
    IOptions<ControllerOptions> options, Pki pki, CertifiedConnections certified, HandshakeGate handshakes, ConnectionQuota quota, TimeProvider time, ILogger<Listeners> logger)
    : IConfigureOptions<KestrelServerOptions>
{
    /// <summary>Lines about certificates of strangers, who choose what stands in them.</summary>
    private static readonly Pace Strangers = new(PerSecond: 0.2, Burst: 20);

    private readonly Paces<string> _told = new(time);
    private readonly PeerCertificates _peers = pki.Peers();

    /// <inheritdoc/>
    public void Configure(KestrelServerOptions kestrel)
    {
        var settings = options.Value;
        ServerLimits.Apply(kestrel, settings.Limits);
        kestrel.Listen(settings.ListenEndPoint, Tls);
        kestrel.ListenUnixSocket(settings.Socket, listen => UnixSocket(listen, HttpProtocols.Http2));
        kestrel.ListenUnixSocket(settings.RestSocket, listen => UnixSocket(listen, HttpProtocols.Http1));
        if (settings.MetricsEndPoint is { } metrics)
        {
            kestrel.Listen(metrics, listen =>
            {
                listen.Protocols = HttpProtocols.Http1;
                Identify(listen, static _ => CallerIdentity.Scraper);
            });
        }
    }

    /// <summary>Names clients may reach the TLS listener under.</summary>
    internal static IReadOnlyCollection<string> ServerNames(ControllerOptions options) => new SortedSet<string>(
        ["localhost", "127.0.0.1", "::1", Dns.GetHostName(), options.ListenEndPoint.Address.ToString(), .. options.Names], StringComparer.OrdinalIgnoreCase);

    private void Tls(ListenOptions listen)
    {
        pki.Server(ServerNames(options.Value));
        listen.Protocols = HttpProtocols.Http1AndHttp2;
        handshakes.Guard(listen);
        listen.UseHttps(new HttpsConnectionAdapterOptions
        {
            SslProtocols = SslProtocols.Tls13,
            HandshakeTimeout = TimeSpan.FromSeconds(options.Value.Limits.HandshakeTimeout),
            // Without one a request has to bring a bearer token; the gate lets nothing through without either.
            ClientCertificateMode = ClientCertificateMode.AllowCertificate,
            ClientCertificateValidation = (certificate, _, _) => Admit(certificate),
            ServerCertificateSelector = (_, _) => pki.Presented,
        });
        Identify(listen, connection => connection.Features.Get<ITlsConnectionFeature>()?.ClientCertificate is { } certificate ? _peers.Identify(certificate) : CallerIdentity.Nobody(connection.RemoteEndPoint));
        certified.Follow(listen);
    }

    // Without TLS nobody says which HTTP it will be, so each has a socket of its own.
    private void UnixSocket(ListenOptions listen, HttpProtocols protocols)
    {
        listen.Protocols = protocols;
        Identify(listen, connection =>
        {
            if (connection.Features.Get<IConnectionSocketFeature>()?.Socket is not { } socket)
            {
                return null;
            }
            var uid = PeerUid(socket);
            if (uid == 0 || uid == EffectiveUid())
            {
                connection.Features.Set(new CallerSource(FormattableString.Invariant($"unix:uid={uid}")));
                return CallerIdentity.Local(uid);
            }
            Log.ForeignUid(logger, uid);
            return null;
        });
    }

    private bool Admit(X509Certificate2 certificate)
    {
        if (_peers.Identify(certificate) is not null)
        {
            return true;
        }
        if (_told.Take(nameof(Log.ForeignCertificate), Strangers, TimeSpan.Zero).IsGiven)
        {
            Log.ForeignCertificate(logger, certificate.Subject, certificate.Issuer);
        }
        return false;
    }

    private void Identify(ListenOptions listen, Func<ConnectionContext, CallerIdentity?> identify) => listen.Use(next => async connection =>
    {
        HandshakeGate.Finish(connection);
        if (identify(connection) is not { } caller)
        {
            connection.Abort(new ConnectionAbortedException("The peer has no identity here."));
            return;
        }
        if (connection.Features.Get<ITlsConnectionFeature>()?.ClientCertificate is not null)
        {
            handshakes.Recognise(connection, caller.Actor);
        }
        if (!caller.IsNobody)
        {
            connection.Features.Set(caller);
        }
        Farewell.Prepare(connection);
        await quota.RunAsync(connection, caller, next).ConfigureAwait(false);
    });

    /// <summary>The uid of the process that connected (SO_PEERCRED of unix(7): pid, uid, gid).</summary>
    private static uint PeerUid(Socket socket)
    {
        const int SolSocket = 1;
        const int SoPeerCred = 17;
        Span<byte> credentials = stackalloc byte[12];
        socket.GetRawSocketOption(SolSocket, SoPeerCred, credentials);
        return BitConverter.IsLittleEndian
            ? BinaryPrimitives.ReadUInt32LittleEndian(credentials[4..])
            : BinaryPrimitives.ReadUInt32BigEndian(credentials[4..]);
    }

    [LibraryImport("libc", EntryPoint = "geteuid")]
    private static partial uint EffectiveUid();

    private static partial class Log
    {
        [LoggerMessage(1202, LogLevel.Warning,
            "Refused a client certificate that is not a valid one of this controller's CA: {Subject}, issued by {Issuer}",
            EventName = nameof(ForeignCertificate))]
        public static partial void ForeignCertificate(ILogger logger, string subject, string issuer);

        [LoggerMessage(1203, LogLevel.Warning, "Refused a process of uid {Uid} on the Unix socket", EventName = nameof(ForeignUid))]
        public static partial void ForeignUid(ILogger logger, uint uid);
    }
}
