using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Qm.Fleet.BlueChi.Bus;

/// <content>Calls to others, and the few that go to the bus itself.</content>
internal sealed partial class BusConnection
{
    private const string Daemon = "org.freedesktop.DBus";
    private const string DaemonPath = "/org/freedesktop/DBus";
    private const uint DoNotQueue = 4;
    private const uint PrimaryOwner = 1;
    private static readonly TimeSpan DaemonDeadline = TimeSpan.FromSeconds(10);

    /// <summary>Calls whose replies have not come and are still waited for.</summary>
    internal int CallsUnderWay
    {
        get
        {
            lock (_gate)
            {
                return _calls.Count;
            }
        }
    }

    /// <summary>Calls a method and waits for its reply.</summary>
    /// <param name="destination">A unique or well-known name.</param>
    /// <param name="path">The object.</param>
    /// <param name="interface">The interface.</param>
    /// <param name="member">The method.</param>
    /// <param name="body">The arguments.</param>
    /// <param name="deadline">How long to wait; the call may still be carried out afterwards.</param>
    /// <param name="onReply">Sees the reply on the connection's thread, before any message that came after it.</param>
    /// <param name="ct">Ends the wait, not the call.</param>
    /// <exception cref="BusErrorException">The other side answered with an error.</exception>
    /// <exception cref="BusTimeoutException">No reply within the deadline.</exception>
    /// <exception cref="BusConnectionException">The connection has ended.</exception>
    internal async Task<ImmutableArray<BusValue>> CallAsync(
        string destination, string path, string @interface, string member, ImmutableArray<BusValue> body, TimeSpan deadline,
        Action<ImmutableArray<BusValue>>? onReply = null, CancellationToken ct = default)
    {
        var call = new PendingCall(this, onReply);
        var work = new PendingWork(this, call, destination, path, @interface, member, body);
        if (!TryBegin(work))
        {
            Post(work.Begin);
        }

        await using var onLate = _time.CreateTimer(
            _ => Drop(call, call.Fail(new BusTimeoutException($"no reply to {member} from {destination} in {deadline.TotalSeconds:0.###} s"))),
            null, deadline, Timeout.InfiniteTimeSpan);
        await using var onCancel = ct.UnsafeRegister(_ => Drop(call, call.Cancel(ct)), null);
        return await call.Reply;
    }

    /// <summary>Becomes the owner of a well-known name.</summary>
    /// <exception cref="BusErrorException">Somebody else owns it, or the bus does not allow it.</exception>
    internal async Task RequestNameAsync(string name, CancellationToken ct = default)
    {
        if ((await AskDaemonAsync("RequestName", [name, DoNotQueue], ct)).AsUInt32() != PrimaryOwner)
        {
            throw new BusErrorException("org.freedesktop.DBus.Error.AddressInUse", $"{name} already has an owner");
        }
    }

    /// <summary>Gives a well-known name up.</summary>
    internal Task ReleaseNameAsync(string name, CancellationToken ct = default) => CallDaemonAsync("ReleaseName", [name], ct);

    /// <summary>The unique name of an owner; null when the name has none.</summary>
    internal async Task<string?> FindOwnerAsync(string name, CancellationToken ct = default)
    {
        try
        {
            return (await AskDaemonAsync("GetNameOwner", [name], ct)).AsText();
        }
        catch (BusErrorException e) when (e.Name == "org.freedesktop.DBus.Error.NameHasNoOwner")
        {
            return null;
        }
    }

    /// <summary>The user id behind a unique name.</summary>
    internal async Task<uint> GetUserIdAsync(string uniqueName, CancellationToken ct = default) =>
        (await AskDaemonAsync("GetConnectionUnixUser", [uniqueName], ct)).AsUInt32();

    /// <summary>The process id behind a unique name.</summary>
    internal async Task<uint> GetProcessIdAsync(string uniqueName, CancellationToken ct = default) =>
        (await AskDaemonAsync("GetConnectionUnixProcessID", [uniqueName], ct)).AsUInt32();

    private async Task<BusValue> AskDaemonAsync(string member, ImmutableArray<BusValue> body, CancellationToken ct) =>
        await CallDaemonAsync(member, body, ct) is [var answer, ..] ? answer : throw new BusFormatException($"the bus answered {member} with nothing");

    private Task<ImmutableArray<BusValue>> CallDaemonAsync(string member, ImmutableArray<BusValue> body, CancellationToken ct) =>
        CallAsync(Daemon, DaemonPath, Daemon, member, body, DaemonDeadline, ct: ct);

    private void Drop(PendingCall call, bool wasFirst)
    {
        if (wasFirst && !_ended.Task.IsCompleted)
        {
            Post(() =>
            {
                _calls.Remove(call);
                call.Release();
            });
        }
    }

    // From the caller's own thread when nobody is at it, which spares waking the connection's; not out of turn, and not from within a handler.
    private bool TryBegin(PendingWork work)
    {
        if (_gate.IsHeldByCurrentThread || !_gate.TryEnter())
        {
            return false;
        }

        try
        {
            if (!_work.IsEmpty || _ended.Task.IsCompleted)
            {
                return false;
            }

            Begin(work);
            if (SdBus.GetEvents(_bus) != Libc.PollIn)
            {
                // The socket is full, or worse: the connection's thread takes over.
                Wake();
            }

            return true;
        }
        finally
        {
            _gate.Exit();
        }
    }

    private unsafe void Begin(PendingWork work)
    {
        if (work.Call.Reply.IsCompleted)
        {
            return;
        }

        nint message = 0;
        try
        {
            Check(SdBus.NewMethodCall(_bus, out message, work.Destination, work.Path, work.Interface, work.Member), $"call {work.Member}");
            MessageCodec.WriteBody(message, work.Body.AsSpan());
            Check(SdBus.CallAsync(_bus, out var slot, message, &OnReply, work.Call.Pin(), ulong.MaxValue), $"call {work.Member}");
            work.Call.Begun(slot);
            _calls.Add(work.Call);
        }
        catch (BusException e)
        {
            work.Call.Fail(e);
            work.Call.Release();
        }
        finally
        {
            SdBus.MessageUnref(message);
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static unsafe int OnReply(nint message, nint userdata, SdBus.Error* error)
    {
        var call = (PendingCall)GCHandle.FromIntPtr(userdata).Target!;
        var failure = SdBus.GetError(message);
        try
        {
            if (failure is not null)
            {
                call.Fail(new BusErrorException(SdBus.Text(failure->Name), SdBus.Text(failure->Message)));
            }
            else
            {
                call.Complete(MessageCodec.ReadBody(message));
                call.Connection._replied.Add(call);
            }
        }
#pragma warning disable CA1031 // The caller is told what was wrong with its reply; nothing may cross into C.
        catch (Exception e)
#pragma warning restore CA1031
        {
            call.Fail(e);
        }

        call.Connection._calls.Remove(call);
        call.Release();
        return 1;
    }

    /// <summary>A call that waits for the connection's thread.</summary>
    private sealed class PendingWork(
        BusConnection connection, PendingCall call, string destination, string path, string @interface, string member, ImmutableArray<BusValue> body)
    {
        internal PendingCall Call => call;

        internal string Destination => destination;

        internal string Path => path;

        internal string Interface => @interface;

        internal string Member => member;

        internal ImmutableArray<BusValue> Body => body;

        internal void Begin() => connection.Begin(this);
    }
}
