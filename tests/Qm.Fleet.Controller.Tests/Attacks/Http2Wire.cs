using System.Buffers.Binary;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Qm.Fleet.Controller.Tests.Attacks;

/// <summary>A frame of RFC 9113.</summary>
internal sealed record Frame(byte Type, byte Flags, int Stream, byte[] Payload)
{
    public const byte Data = 0;
    public const byte Headers = 1;
    public const byte Reset = 3;
    public const byte Settings = 4;
    public const byte Ping = 6;
    public const byte GoAway = 7;
    public const byte WindowUpdate = 8;
    public const byte Continuation = 9;

    public const byte EndStream = 1;
    public const byte Ack = 1;
    public const byte EndHeaders = 4;

    /// <summary>Why, of what ends a connection.</summary>
    public uint Error => Type == GoAway ? BinaryPrimitives.ReadUInt32BigEndian(Payload.AsSpan(4)) : BinaryPrimitives.ReadUInt32BigEndian(Payload);
}

/// <summary>HTTP/2 by hand.</summary>
internal sealed class Http2Wire : IAsyncDisposable
{
    private const int HeadBytes = 9;

    private readonly RawTls _tls;

    private Http2Wire(RawTls tls) => _tls = tls;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public static async Task<Http2Wire> ConnectAsync(RunningController controller, X509Certificate2? certificate)
    {
        var wire = new Http2Wire(await RawTls.ConnectAsync(controller, certificate, SslApplicationProtocol.Http2));
        await wire._tls.SendAsync("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        await wire.SendAsync(Frame.Settings, 0, 0, []);
        return wire;
    }

    /// <summary>The headers of a call, and more of them, in HPACK without tables or Huffman's code.</summary>
    public static byte[] Call(string path, params ReadOnlySpan<(string Name, string Value)> more)
    {
        var block = new List<byte>();
        Add(block, ":method", "POST");
        Add(block, ":scheme", "https");
        Add(block, ":path", path);
        Add(block, ":authority", "localhost");
        Add(block, "content-type", "application/grpc");
        Add(block, "te", "trailers");
        foreach (var (name, value) in more)
        {
            Add(block, name, value);
        }
        return [.. block];
    }

    /// <summary>One literal header.</summary>
    public static void Add(List<byte> block, string name, string value, byte kind = 0)
    {
        block.Add(kind);
        Text(block, name);
        Text(block, value);
    }

    /// <summary>Writes a frame.</summary>
    /// <param name="type">Of <see cref="Frame"/>.</param>
    /// <param name="flags">Of <see cref="Frame"/>.</param>
    /// <param name="stream">Its number.</param>
    /// <param name="payload">What is in it.</param>
    /// <param name="claimed">The length that its head says; null for the true one.</param>
    /// <returns>Whether the connection took it.</returns>
    public async Task<bool> SendAsync(byte type, byte flags, int stream, byte[] payload, int? claimed = null) => await SendAsync(Bytes(type, flags, stream, payload, claimed));

    /// <summary>Writes bytes.</summary>
    /// <returns>Whether the connection took them.</returns>
    public async Task<bool> SendAsync(byte[] bytes)
    {
        try
        {
            await _tls.Stream.WriteAsync(bytes, Ct).AsTask().WaitAsync(RunningController.Deadline, Ct);
            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }

    public static byte[] Bytes(byte type, byte flags, int stream, byte[] payload, int? claimed = null)
    {
        var bytes = new byte[HeadBytes + payload.Length];
        BinaryPrimitives.WriteInt32BigEndian(bytes, (claimed ?? payload.Length) << 8);
        (bytes[3], bytes[4]) = (type, flags);
        BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(5), stream);
        payload.CopyTo(bytes.AsSpan(HeadBytes));
        return bytes;
    }

    /// <summary>The first frame that fits; null when the connection ends before.</summary>
    public async Task<Frame?> UntilAsync(Predicate<Frame> fits)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        late.CancelAfter(RunningController.Deadline);
        try
        {
            while (true)
            {
                var head = new byte[HeadBytes];
                await _tls.Stream.ReadExactlyAsync(head, late.Token);
                var payload = new byte[BinaryPrimitives.ReadInt32BigEndian(head) >>> 8];
                await _tls.Stream.ReadExactlyAsync(payload, late.Token);
                var frame = new Frame(head[3], head[4], BinaryPrimitives.ReadInt32BigEndian(head.AsSpan(5)), payload);
                if (fits(frame))
                {
                    return frame;
                }
            }
        }
        catch (IOException)
        {
            return null;
        }
    }

    /// <summary>Why the server ended the connection: the word of its GOAWAY, or "closed" without one.</summary>
    public async Task<string> EndAsync() => await UntilAsync(static frame => frame.Type == Frame.GoAway) is { } end ? Name(end.Error) : "closed";

    public ValueTask DisposeAsync() => _tls.DisposeAsync();

    private static string Name(uint error) => error switch
    {
        0 => "NO_ERROR",
        1 => "PROTOCOL_ERROR",
        3 => "FLOW_CONTROL_ERROR",
        6 => "FRAME_SIZE_ERROR",
        9 => "COMPRESSION_ERROR",
        11 => "ENHANCE_YOUR_CALM",
        _ => FormattableString.Invariant($"error {error}"),
    };

    private static void Text(List<byte> block, string text)
    {
        var bytes = Encoding.Latin1.GetBytes(text);
        if (bytes.Length < 127)
        {
            block.Add((byte)bytes.Length);
        }
        else
        {
            block.Add(127);
            var rest = bytes.Length - 127;
            for (; rest >= 128; rest >>= 7)
            {
                block.Add((byte)(0x80 | (rest & 0x7f)));
            }
            block.Add((byte)rest);
        }
        block.AddRange(bytes);
    }
}
