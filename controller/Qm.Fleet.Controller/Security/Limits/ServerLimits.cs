using Microsoft.AspNetCore.Server.Kestrel.Core;
using Qm.Fleet.Controller.Options;

namespace Qm.Fleet.Controller.Security.Limits;

/// <summary>What bounds one connection, and the headers and frames on it.</summary>
internal static class ServerLimits
{
    /// <summary>Streams of one connection at once.</summary>
    public const int StreamsPerConnection = 100;

    /// <summary>Bytes of all headers of a request, names and values, unpacked: 32 KiB.</summary>
    public const int HeaderBytes = 32 * 1024;

    /// <summary>Bytes of a header of HTTP/2: 16 KiB.</summary>
    public const int HeaderFieldBytes = 16 * 1024;

    /// <summary>Headers of a request.</summary>
    public const int Headers = 100;

    /// <summary>Bytes of the first line of a request of HTTP/1.1: 8 KiB.</summary>
    public const int RequestLineBytes = 8 * 1024;

    /// <summary>Bytes of a frame of HTTP/2: 16 KiB, the least that the protocol lets a server ask for.</summary>
    public const int FrameBytes = 16 * 1024;

    /// <summary>Bytes that a client may send on one connection before anybody reads them: 256 KiB.</summary>
    public const int ConnectionWindowBytes = 256 * 1024;

    /// <summary>The same of one stream: 128 KiB, so that one which nobody reads leaves room for the others of its connection.</summary>
    public const int StreamWindowBytes = 128 * 1024;

    /// <summary>Bytes that are taken off a connection before anybody reads them, whatever is spoken on it: 64 KiB.</summary>
    public const int UnreadBytes = 64 * 1024;

    /// <summary>Headers that are not all there within this are not waited for: 10 seconds.</summary>
    public static readonly TimeSpan HeadersTimeout = TimeSpan.FromSeconds(10);

    /// <summary>A connection on which nothing is asked is closed after this: two minutes. One with a stream is asked whether it is still there instead.</summary>
    public static readonly TimeSpan IdleTimeout = TimeSpan.FromMinutes(2);

    /// <summary>A peer that does not answer a ping within this and the delay before it is gone: 5 seconds each.</summary>
    public static readonly TimeSpan Ping = TimeSpan.FromSeconds(5);

    /// <summary>Sets them.</summary>
    public static void Apply(KestrelServerOptions kestrel, ControllerLimits limits)
    {
        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxConcurrentConnections = limits.Connections;
        kestrel.Limits.MaxRequestBodySize = null; // streams have no size; gRPC bounds each message, and RestGuard each body
        kestrel.Limits.MinRequestBodyDataRate = null; // an agent with nothing to say is not slow; single messages have a deadline
        kestrel.Limits.MaxRequestHeadersTotalSize = HeaderBytes;
        kestrel.Limits.MaxRequestHeaderCount = Headers;
        kestrel.Limits.MaxRequestLineSize = RequestLineBytes;
        kestrel.Limits.RequestHeadersTimeout = HeadersTimeout;
        kestrel.Limits.KeepAliveTimeout = IdleTimeout;
        kestrel.Limits.Http2.MaxRequestHeaderFieldSize = HeaderFieldBytes;
        kestrel.Limits.Http2.MaxFrameSize = FrameBytes;
        kestrel.Limits.Http2.MaxStreamsPerConnection = StreamsPerConnection;
        kestrel.Limits.Http2.KeepAlivePingDelay = Ping;
        kestrel.Limits.Http2.KeepAlivePingTimeout = Ping;
        kestrel.Limits.MaxRequestBufferSize = UnreadBytes;
        kestrel.Limits.Http2.InitialConnectionWindowSize = ConnectionWindowBytes;
        kestrel.Limits.Http2.InitialStreamWindowSize = StreamWindowBytes;
    }
}
