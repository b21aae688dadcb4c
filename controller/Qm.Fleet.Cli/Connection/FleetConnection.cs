using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core.Interceptors;
using Grpc.Net.Client;
using Qm.Fleet.V1;

namespace Qm.Fleet.Cli.Connection;

/// <summary>The services of a server.</summary>
internal sealed class FleetConnection : IDisposable
{
    private readonly GrpcChannel _channel;

    private FleetConnection(GrpcChannel channel, CliContext? verbose)
    {
        _channel = channel;
        var invoker = verbose is null ? channel.CreateCallInvoker() : channel.Intercept(new CallPrinter(verbose));
        Fleets = new(invoker);
        Nodes = new(invoker);
        Events = new(invoker);
    }

    internal FleetService.FleetServiceClient Fleets { get; }

    internal NodeService.NodeServiceClient Nodes { get; }

    internal EventService.EventServiceClient Events { get; }

    /// <summary>Prepares a connection; nothing is sent before the first call.</summary>
    /// <exception cref="CliException">The address or the certificates cannot be used.</exception>
    internal static FleetConnection Open(string server, string? pki, CliContext? verbose)
    {
        if (server.StartsWith("unix:", StringComparison.Ordinal))
        {
            return new(OpenUnix(server["unix:".Length..]), verbose);
        }

        if (!Uri.TryCreate(server, UriKind.Absolute, out var address) || address.Scheme != Uri.UriSchemeHttps)
        {
            throw new CliException(ExitCode.Invalid, $"--server {server}: expected unix:/path or https://host:port");
        }

        return pki is null
            ? throw new CliException(ExitCode.Invalid, $"--server {server}: who are you? Name the directory of your certificate with --pki or QMFLEET_PKI")
            : new(OpenTls(address, pki), verbose);
    }

    public void Dispose() => _channel.Dispose();

    private static GrpcChannel OpenUnix(string path)
    {
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
                catch (SocketException)
                {
                    socket.Dispose();
                    throw;
                }
            },
        };
        return GrpcChannel.ForAddress("http://localhost", new() { HttpHandler = handler, DisposeHttpClient = true });
    }

    private static GrpcChannel OpenTls(Uri address, string pki)
    {
        try
        {
            var authority = X509CertificateLoader.LoadCertificateFromFile(Path.Combine(pki, "ca.crt"));
            var own = X509Certificate2.CreateFromPemFile(Path.Combine(pki, "admin.crt"), Path.Combine(pki, "admin.key"));
            var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
            policy.CustomTrustStore.Add(authority);
            var handler = new SocketsHttpHandler
            {
                SslOptions = new SslClientAuthenticationOptions
                {
                    EnabledSslProtocols = SslProtocols.Tls13,
                    ClientCertificates = [own],
                    CertificateChainPolicy = policy,
                },
            };
            return GrpcChannel.ForAddress(address, new() { HttpHandler = handler, DisposeHttpClient = true });
        }
        catch (Exception e) when (e is IOException or CryptographicException or UnauthorizedAccessException)
        {
            throw new CliException(ExitCode.Invalid, $"--pki {pki}: {e.Message}\nIt must hold ca.crt, admin.crt and admin.key, as the controller's state directory does.");
        }
    }
}
