using System.Buffers.Binary;
using System.Net.Sockets;
using Qm.Fleet.BlueChi.Bus;

namespace Qm.Fleet.Benchmarks.Fuzz;

/// <summary>What one program says to another over D-Bus, byte by byte: how it greets, and messages, to be damaged.</summary>
/// <param name="Greeting">All that comes before the first message.</param>
/// <param name="Messages">Signals and calls.</param>
internal sealed record WireRecording(byte[] Greeting, IReadOnlyList<byte[]> Messages)
{
    internal static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);
    private const int FixedHeader = 16;

    /// <summary>Listens in on a connection over which something of everything is sent.</summary>
    internal static async Task<WireRecording> RecordAsync(string directory, int seed, CancellationToken ct)
    {
        using var real = Listen(Path.Combine(directory, "real"));
        using var wire = Listen(Path.Combine(directory, "wire"));
        var bytes = new MemoryStream();
        var sending = BusConnection.ConnectPeerAsync($"unix:path={Path.Combine(directory, "wire")}", Deadline, TimeProvider.System, ct);
        using var fromSender = await wire.AcceptAsync(ct);
        using var toReceiver = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await toReceiver.ConnectAsync(real.LocalEndPoint!, ct);
        var there = PumpAsync(fromSender, toReceiver, bytes, ct);
        var back = PumpAsync(toReceiver, fromSender, null, ct);
        await using var receiver = await BusConnection.AcceptPeerAsync(
            await real.AcceptAsync(ct), connection => connection.Serve("/", call => { call.Reply(); return Task.CompletedTask; }), Deadline, TimeProvider.System, ct);
        await using (var sender = await sending)
        {
            var values = new RandomValues(new Random(seed));
            for (var message = 0; message < 200; message++)
            {
                sender.Emit("/org/eclipse/bluechi", "org.eclipse.bluechi.Monitor", "UnitPropertiesChanged", values.Body(5));
                await sender.CallAsync("a.b", "/org/eclipse/bluechi", "org.eclipse.bluechi.Node", "GetUnitProperty", values.Body(3), Deadline, ct: ct);
            }
        }

        await Task.WhenAll(there, back);
        return Split(bytes.ToArray());
    }

    /// <summary>Listens on a Unix socket.</summary>
    internal static Socket Listen(string path)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(path));
        socket.Listen();
        return socket;
    }

    private static async Task PumpAsync(Socket from, Socket to, MemoryStream? record, CancellationToken ct)
    {
        var buffer = new byte[16 * 1024];
        try
        {
            while (await from.ReceiveAsync(buffer, ct) is > 0 and var count)
            {
                record?.Write(buffer, 0, count);
                await to.SendAsync(buffer.AsMemory(0, count), ct);
            }

            to.Shutdown(SocketShutdown.Send);
        }
        catch (SocketException)
        {
            // Whoever was to hear it has left.
        }
    }

    private static WireRecording Split(byte[] bytes)
    {
        var end = bytes.AsSpan().IndexOf("BEGIN\r\n"u8) + "BEGIN\r\n".Length;
        var messages = new List<byte[]>();
        for (var at = end; at + FixedHeader <= bytes.Length;)
        {
            var (body, fields) = (BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(at + 4)), BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(at + 12)));
            var length = FixedHeader + ((fields + 7) & ~7) + body;
            messages.Add(bytes[at..(at + length)]);
            at += length;
        }

        return new(bytes[..end], messages);
    }
}
