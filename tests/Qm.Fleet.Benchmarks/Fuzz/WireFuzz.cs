using System.Net.Sockets;
using Qm.Fleet.BlueChi.Bus;

namespace Qm.Fleet.Benchmarks.Fuzz;

/// <summary>Damaged messages from a hostile program, to a connection that listens to everything: it reads, ignores or ends, and that in time.</summary>
/// <remarks>The first message that cannot be read ends a connection; what was sent after it has not been an input of anything, and is not counted.</remarks>
internal sealed class WireFuzz(int seed)
{
    internal const string Name = "wire";
    private const int MessagesOfAConnection = 8;

    // libsystemd tells the end of a connection as a signal of it.
    private const string OfItsOwn = "org.freedesktop.DBus.Local";

    // A connection of its own, its thread's stack left out, and what is made of each byte that it is sent.
    private const long AllowedBytes = 512 * 1024;
    private const long AllowedBytesPerByte = 512;

    /// <summary>Sends messages until so many were taken in.</summary>
    /// <param name="count">How many.</param>
    /// <param name="first">The number of the first connection.</param>
    /// <param name="ct">Gives up.</param>
    /// <exception cref="FuzzFailureException">A connection hung, ended as none may, or made more garbage than its input explains; tells its number.</exception>
    internal async Task<FuzzResult> RunAsync(long count, long first, CancellationToken ct)
    {
        var directory = Directory.CreateTempSubdirectory("qmfleet-fuzz-");
        try
        {
            var recording = await WireRecording.RecordAsync(directory.FullName, seed, ct);
            using var listener = WireRecording.Listen(Path.Combine(directory.FullName, "victim"));
            var (inputs, refused, most) = (0L, 0L, 0L);
            for (var number = first; inputs < count; number++)
            {
                var (read, bytes) = await FeedAsync(listener, recording, number, ct);
                var ended = read < MessagesOfAConnection ? 1 : 0;
                (inputs, refused, most) = (inputs + read + ended, refused + ended, Math.Max(most, bytes / (read + ended)));
            }

            return new(Name, inputs, refused, most);
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    private async Task<(int Read, long Bytes)> FeedAsync(Socket listener, WireRecording recording, long number, CancellationToken ct)
    {
        var random = FuzzSeed.Of(seed, Name, number);
        var input = new MemoryStream();
        for (var message = 0; message < MessagesOfAConnection; message++)
        {
            input.Write(WireDamage.Of(recording.Messages[random.Next(recording.Messages.Count)], random));
        }

        var before = GC.GetTotalAllocatedBytes(precise: true);
        using var hostile = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await hostile.ConnectAsync(listener.LocalEndPoint!, ct);
        await hostile.SendAsync(recording.Greeting, ct);
        var read = 0;
        await using var victim = await BusConnection.AcceptPeerAsync(await listener.AcceptAsync(ct), connection =>
        {
            connection.Serve("/", call =>
            {
                read++;
                call.Reply(call.Body);
                return Task.CompletedTask;
            });
            _ = connection.ListenAsync(new BusMatch(), signal => read += signal.Header.Interface == OfItsOwn ? 0 : 1, ct: ct);
        }, WireRecording.Deadline, TimeProvider.System, ct);
        var drained = DrainAsync(hostile, ct);
        await SendAsync(hostile, input, ct);
        var reason = await EndAsync(victim, number, ct);
        await drained;
        var bytes = GC.GetTotalAllocatedBytes(precise: true) - before;
        if (reason.StartsWith("a handler failed", StringComparison.Ordinal) || bytes > AllowedBytes + (AllowedBytesPerByte * input.Length))
        {
            throw new FuzzFailureException($"{Replay(number)}: {input.Length} bytes of input made {bytes} bytes of garbage, and the connection ended: {reason}");
        }

        return (read, bytes);
    }

    private async Task<string> EndAsync(BusConnection victim, long number, CancellationToken ct)
    {
        try
        {
            return await victim.Ended.WaitAsync(WireRecording.Deadline, ct);
        }
        catch (TimeoutException e)
        {
            throw new FuzzFailureException($"{Replay(number)}: the connection did not end within {WireRecording.Deadline.TotalSeconds:0} s after the other side had gone", e);
        }
    }

    private static async Task SendAsync(Socket hostile, MemoryStream input, CancellationToken ct)
    {
        try
        {
            await hostile.SendAsync(input.GetBuffer().AsMemory(0, (int)input.Length), ct);
            hostile.Shutdown(SocketShutdown.Send);
        }
        catch (SocketException)
        {
            // It has had enough already.
        }
    }

    private static async Task DrainAsync(Socket hostile, CancellationToken ct)
    {
        var buffer = new byte[16 * 1024];
        try
        {
            while (await hostile.ReceiveAsync(buffer, ct) > 0)
            {
                // Answers are of no interest.
            }
        }
        catch (SocketException)
        {
            // It has gone.
        }
    }

    private string Replay(long number) => $"connection {number} of {Name}, again with: fuzz --seed {seed} --only {Name} --first {number} --inputs 1";
}
