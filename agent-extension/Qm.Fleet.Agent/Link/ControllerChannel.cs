using System.Net.Security;
using Grpc.Net.Client;

namespace Qm.Fleet.Agent.Link;

/// <summary>The connection to the controller.</summary>
internal static class ControllerChannel
{
    private const int MessageBytesMax = 32 * 1024 * 1024;
    private static readonly TimeSpan ConnectDeadline = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan PingInterval = TimeSpan.FromSeconds(5);

    /// <summary>Prepares one; nothing is connected before the first call.</summary>
    /// <param name="controller">Where to.</param>
    /// <param name="tls">As whom, and whom to trust.</param>
    /// <param name="messageBytesMax">The largest message that is taken or sent.</param>
    public static GrpcChannel Open(Uri controller, SslClientAuthenticationOptions tls, int messageBytesMax = MessageBytesMax) => GrpcChannel.ForAddress(controller, new GrpcChannelOptions
    {
        DisposeHttpClient = true,
        HttpHandler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            ConnectTimeout = ConnectDeadline,
            KeepAlivePingDelay = PingInterval,
            KeepAlivePingTimeout = PingInterval,
            KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
            UseCookies = false,
            UseProxy = false,
            SslOptions = tls,
        },
        MaxReceiveMessageSize = messageBytesMax,
        MaxSendMessageSize = messageBytesMax,
    });
}
