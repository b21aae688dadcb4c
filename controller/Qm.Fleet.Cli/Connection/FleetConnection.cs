using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Grpc.Net.Client;
using Qm.Fleet.Cli.Contexts;
using Qm.Fleet.Core.Secrets;
using Qm.Fleet.V1;

namespace Qm.Fleet.Cli.Connection;

/// <summary>The services of a server.</summary>
internal sealed class FleetConnection : IDisposable
{
    // sun_path of unix(7), without its closing NUL.
    private const int MaxSocketPath = 107;
    private const string Unix = "unix:";

    // RFC 6750 says which characters a token has; one of an OpenID Connect issuer names all groups of its owner.
    private const int MaxToken = 16 * 1024;

    private readonly GrpcChannel _channel;

    private FleetConnection(GrpcChannel channel, Calls calls)
    {
        _channel = channel;
        var invoker = channel.Intercept(calls);
        Fleets = new(invoker);
        Revisions = new(invoker);
        Nodes = new(invoker);
        Operations = new(invoker);
        Sites = new(invoker);
        Server = new(invoker);
        Events = new(invoker);
        Diagnostics = new(invoker);
        Rollouts = new(invoker);
        Artifacts = new(invoker);
        Audit = new(invoker);
        Access = new(invoker);
        Pki = new(invoker);
        Enrollments = new(invoker);
        HostUnits = new(invoker);
    }

    internal FleetService.FleetServiceClient Fleets { get; }

    internal RevisionService.RevisionServiceClient Revisions { get; }

    internal NodeService.NodeServiceClient Nodes { get; }

    internal OperationService.OperationServiceClient Operations { get; }

    internal SiteService.SiteServiceClient Sites { get; }

    internal ServerService.ServerServiceClient Server { get; }

    internal EventService.EventServiceClient Events { get; }

    internal DiagnosticsService.DiagnosticsServiceClient Diagnostics { get; }

    internal RolloutService.RolloutServiceClient Rollouts { get; }

    internal ArtifactService.ArtifactServiceClient Artifacts { get; }

    internal AuditService.AuditServiceClient Audit { get; }

    internal AccessService.AccessServiceClient Access { get; }

    internal PkiService.PkiServiceClient Pki { get; }

    internal EnrollmentService.EnrollmentServiceClient Enrollments { get; }

    internal HostUnitService.HostUnitServiceClient HostUnits { get; }

    /// <summary>Prepares a connection; nothing is sent before the first call.</summary>
    /// <exception cref="CliException">The address or the certificates cannot be used.</exception>
    internal static FleetConnection Open(FleetContext target, Calls calls)
    {
        // On a Unix socket the kernel says who calls; a token is for TLS and goes over nothing else.
        if (Check(target.Server) is not { } address)
        {
            return new(OpenUnix(target.Server[Unix.Length..]), calls);
        }

        if (target.Token is not null)
        {
            CheckToken(target);
        }

        return (target.Pki, target.Token) switch
        {
            (null, null) => throw new CliException(ExitCode.Invalid, $"--server {target.Server}: who are you? Name the directory of your certificate with --pki or QMFLEET_PKI"),
            (null, _) => throw new CliException(ExitCode.Invalid, $"--server {target.Server}: is it the right one? Name the directory of its ca.crt with --pki or QMFLEET_PKI"),
            var (pki, token) => new(OpenTls(address, pki, token), calls),
        };
    }

    /// <summary>Whether a server can be shown a token, and whether it is one; it is not repeated.</summary>
    /// <exception cref="CliException">Not so.</exception>
    internal static void CheckToken(FleetContext target)
    {
        if (Check(target.Server) is null)
        {
            throw new CliException(ExitCode.Invalid, $"--token: {target.Server} takes none, since on a Unix socket the kernel says who you are; a token is for https");
        }

        if (target.Token?.Reveal() is not { Length: > 0 and <= MaxToken } token || !token.All(static character => char.IsAsciiLetterOrDigit(character) || character is '-' or '_' or '.' or '~' or '+' or '/' or '='))
        {
            throw new CliException(ExitCode.Invalid, $"--token: expected 1 to {MaxToken} letters, digits and -._~+/=, as qmfleet auth token create prints them");
        }
    }

    /// <summary>Reads an address; null for that of a Unix socket.</summary>
    /// <exception cref="CliException">It is none.</exception>
    internal static Uri? Check(string server) => server.StartsWith(Unix, StringComparison.Ordinal) ? null
        : Uri.TryCreate(server, UriKind.Absolute, out var address) && address.Scheme == Uri.UriSchemeHttps && address.AbsolutePath == "/" ? address
        : throw new CliException(ExitCode.Invalid, $"--server {server}: expected unix:/path or https://host:port");

    public void Dispose() => _channel.Dispose();

    internal static GrpcChannel OpenUnix(string path)
    {
        if (path.Length is 0 or > MaxSocketPath)
        {
            throw new CliException(ExitCode.Invalid, $"--server unix:{path}: expected a path of 1 to {MaxSocketPath} bytes");
        }

        var handler = new SocketsHttpHandler
        {
            ConnectCallback = async (_, ct) =>
            {
                var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                try
                {
                    await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), ct);
                    return new NetworkStream(socket, ownsSocket: true);
                }
                catch (SocketException e)
                {
                    socket.Dispose();
                    throw File.Exists(path) ? e : new IOException($"there is no socket {path}");
                }
                catch (OperationCanceledException)
                {
                    socket.Dispose();
                    throw;
                }
            },
        };
        return GrpcChannel.ForAddress("http://localhost", new() { HttpHandler = handler, DisposeHttpClient = true });
    }

    private static GrpcChannel OpenTls(Uri address, string pki, Secret? token)
    {
        try
        {
            X509CertificateCollection own = token is null ? [X509Certificate2.CreateFromPemFile(Path.Combine(pki, "admin.crt"), Path.Combine(pki, "admin.key"))] : [];
            var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
            policy.CustomTrustStore.ImportFromPemFile(Path.Combine(pki, "ca.crt"));
            var handler = new SocketsHttpHandler
            {
                ConnectTimeout = TimeSpan.FromSeconds(10),

                // A server that vanished without a word is noticed on a stream, too.
                KeepAlivePingDelay = TimeSpan.FromSeconds(20),
                KeepAlivePingTimeout = TimeSpan.FromSeconds(10),
                SslOptions = new SslClientAuthenticationOptions
                {
                    EnabledSslProtocols = SslProtocols.Tls13,
                    ClientCertificates = own,
                    CertificateChainPolicy = policy,
                },
            };
            return GrpcChannel.ForAddress(address, new() { HttpHandler = handler, DisposeHttpClient = true, Credentials = token is null ? null : Bearing(token) });
        }
        catch (Exception e) when (e is IOException or CryptographicException or UnauthorizedAccessException)
        {
            throw new CliException(ExitCode.Invalid, $"--pki {pki}: {e.Message}\nIt must hold {(token is null ? "ca.crt, admin.crt and admin.key" : "ca.crt")} in PEM, as pki/admin in the controller's state directory does.");
        }
    }

    // gRPC sends these over TLS only.
    private static ChannelCredentials Bearing(Secret token) => ChannelCredentials.Create(new SslCredentials(), CallCredentials.FromInterceptor((_, headers) =>
    {
        headers.Add("authorization", $"Bearer {token.Reveal()}");
        return Task.CompletedTask;
    }));
}
