using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Qm.Fleet.BlueChi.Bus;

namespace Qm.Fleet.Benchmarks.Fuzz;

/// <summary>A message that never goes anywhere.</summary>
internal sealed partial class SealedMessage : IDisposable
{
    private const string Library = "libsystemd.so.0";
    private static readonly nint Connection = Connect();
    private readonly nint _message;

    internal SealedMessage() => Check(SdBus.NewSignal(Connection, out _message, "/a", "b.c", "D"));

    /// <summary>Writes a body and closes the message to further writing.</summary>
    /// <exception cref="BusFormatException">libsystemd does not write that.</exception>
    internal void Write(ImmutableArray<BusValue> body)
    {
        MessageCodec.WriteBody(_message, body.AsSpan());
        Check(Seal(_message, 1, 0));
    }

    internal ImmutableArray<BusValue> Read() => MessageCodec.ReadBody(_message);

    public void Dispose() => SdBus.MessageUnref(_message);

    // A message needs a connection to be made for; this one is begun, and nobody ever answers it.
    private static nint Connect()
    {
        var ends = new int[2];
        Check(SocketPair(1, 1, 0, ends));
        Check(SdBus.New(out var bus));
        Check(SdBus.SetFd(bus, ends[0], ends[0]));
        Check(SdBus.Start(bus));
        return bus;
    }

    private static void Check(int result)
    {
        if (result < 0)
        {
            throw new BusFormatException(Marshal.GetPInvokeErrorMessage(-result));
        }
    }

    [LibraryImport(Library, EntryPoint = "sd_bus_message_seal")]
    private static partial int Seal(nint message, ulong cookie, ulong timeout);

    [LibraryImport("libc", EntryPoint = "socketpair")]
    private static partial int SocketPair(int domain, int type, int protocol, int[] ends);
}
