using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Qm.Fleet.BlueChi.Bus;

/// <summary>A connection to a message bus: one thread polls and is the only one that touches sd-bus.</summary>
/// <remarks>
/// Calls may be made from any thread. Signal handlers and method handlers begin on the connection's thread, in the order of
/// the wire; they must return at once and must not throw: a handler that throws ends the connection, for its state is no longer known.
/// </remarks>
internal sealed partial class BusConnection : IAsyncDisposable
{
    // Work that waits for the connection's thread; more than this means that nobody serves the bus any more.
    private const int MaxWork = 65_536;
    private const int MessagesBeforeWork = 64;
    private const string Remote = "ssh:";
    private const byte TypeMethodCall = 1;
    private const byte TypeSignal = 4;

    private readonly string _address;
    private readonly TimeProvider _time;
    private readonly ConcurrentQueue<Action> _work = new();
    private readonly HashSet<PendingCall> _calls = [];
    private readonly TaskCompletionSource _opened = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<string> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly int _wake = Libc.EventFd(0, 0x80800); // EFD_CLOEXEC | EFD_NONBLOCK
    private readonly Lock _wakeGate = new();
    private nint _bus;
    private volatile bool _closing;
    private Exception? _fault;

    private BusConnection(string address, TimeProvider time) => (_address, _time) = (address, time);

    /// <summary>The connection's unique name, such as <c>:1.7</c>.</summary>
    internal string UniqueName { get; private set; } = "";

    /// <summary>Completes with the reason when the connection has ended.</summary>
    internal Task<string> Ended => _ended.Task;

    /// <summary>Connects to a bus.</summary>
    /// <param name="address">A D-Bus address, <c>system</c> for the system bus, or <c>ssh:[USER@]HOST</c> for that of another host.</param>
    /// <param name="deadline">The longest the connection may take.</param>
    /// <param name="time">Counts the deadlines of this connection.</param>
    /// <param name="ct">Gives up.</param>
    /// <exception cref="BusConnectionException">There is no bus at the address, or it does not answer in time.</exception>
    internal static async Task<BusConnection> ConnectAsync(string address, TimeSpan deadline, TimeProvider time, CancellationToken ct)
    {
        var connection = new BusConnection(address, time);
        new Thread(connection.Run) { IsBackground = true, Name = "bus" }.Start();
        try
        {
            await connection._opened.Task.WaitAsync(deadline, time, ct);
            return connection;
        }
        catch (Exception e)
        {
            connection.Close();
            throw e is TimeoutException ? new BusConnectionException($"no answer from the bus at {address} in {deadline.TotalSeconds:0.#} s", e) : e;
        }
    }

    /// <summary>Ends the connection; calls under way end with <see cref="BusConnectionException"/>.</summary>
    public async ValueTask DisposeAsync()
    {
        Close();
        await _ended.Task;
    }

    internal void Post(Action work)
    {
        if (_ended.Task.IsCompleted || _work.Count >= MaxWork)
        {
            throw new BusConnectionException(_ended.Task.IsCompleted ? $"the connection has ended: {_ended.Task.Result}" : $"more than {MaxWork} messages wait to be sent");
        }

        _work.Enqueue(work);
        Wake();
    }

    private void Close()
    {
        _closing = true;
        Wake();
    }

    private unsafe void Wake()
    {
        lock (_wakeGate)
        {
            // After the end the number may be another file's.
            if (!_ended.Task.IsCompleted)
            {
                var one = 1UL;
                Libc.Write(_wake, &one, sizeof(ulong));
            }
        }
    }

    // Whatever ends this thread is the reason every call under way is told; nothing is swallowed.
#pragma warning disable CA1031
    private void Run()
    {
        var self = GCHandle.Alloc(this);
        var reason = "closed";
        try
        {
            Open(GCHandle.ToIntPtr(self));
            _opened.TrySetResult();
            while (!_closing)
            {
                Step();
            }
        }
        catch (Exception e)
        {
            reason = e.Message;
            _opened.TrySetException(e as BusConnectionException ?? new BusConnectionException(e.Message, e));
        }
        finally
        {
            End(reason);
            self.Free();
        }
    }
#pragma warning restore CA1031

    private unsafe void Open(nint self)
    {
        if (_address == "system")
        {
            Check(SdBus.OpenSystem(out _bus), "open the system bus");
        }
        else if (_address.StartsWith(Remote, StringComparison.Ordinal))
        {
            Check(SdBus.OpenSystemRemote(out _bus, _address[Remote.Length..]), $"reach {_address}");
        }
        else
        {
            Check(SdBus.New(out _bus), "make a connection");
            Check(SdBus.SetAddress(_bus, _address), $"use the address {_address}");
            Check(SdBus.SetBusClient(_bus, 1), "become a client");
            Check(SdBus.Start(_bus), $"connect to {_address}");
        }

        Check(SdBus.GetUniqueName(_bus, out var name), $"be greeted by {_address}");
        UniqueName = SdBus.Text(name);
        Check(SdBus.AddFilter(_bus, out _, &OnMessage, self), "listen");
    }

    private void Step()
    {
        var busy = false;
        for (var message = 0; message < MessagesBeforeWork; message++)
        {
            var processed = Check(SdBus.Process(_bus, 0), "process");
            if (_fault is { } fault)
            {
                throw new BusConnectionException($"a handler failed: {fault.Message}", fault);
            }

            if (processed == 0)
            {
                break;
            }

            busy = true;
        }

        for (var budget = MessagesBeforeWork; budget > 0 && _work.TryDequeue(out var work); budget--)
        {
            work();
            busy = true;
        }

        if (!busy)
        {
            Wait();
        }
    }

    private unsafe void Wait()
    {
        var fds = stackalloc Libc.PollFd[2];
        fds[0] = new() { Fd = Check(SdBus.GetFd(_bus), "poll"), Events = (short)Check(SdBus.GetEvents(_bus), "poll") };
        fds[1] = new() { Fd = _wake, Events = Libc.PollIn };
        Check(SdBus.GetTimeout(_bus, out var until), "poll");

        // sd-bus has timeouts of its own only while it connects; the deadlines of calls are counted by the TimeProvider.
        Libc.Poll(fds, 2, until == ulong.MaxValue ? -1 : 100);
        ulong count;
        Libc.Read(_wake, &count, sizeof(ulong));
    }

    private void End(string reason)
    {
        _ended.TrySetResult(reason);
        foreach (var call in _calls)
        {
            call.Fail(new BusConnectionException($"the connection ended: {reason}"));
            call.Release();
        }

        _calls.Clear();
        while (_work.TryDequeue(out var work))
        {
            // What was posted and not begun: calls fail by the check below, signals and replies have nobody to go to.
            if (work.Target is PendingWork pending)
            {
                pending.Call.Fail(new BusConnectionException($"the connection ended: {reason}"));
            }
        }

        foreach (var match in _matches)
        {
            match.Ended(reason);
        }

        if (_bus != 0)
        {
            SdBus.FlushCloseUnref(_bus);
            _bus = 0;
        }

        lock (_wakeGate)
        {
            Libc.Close(_wake);
        }
    }

    private static int Check(int result, string what) =>
        result >= 0 ? result : throw new BusConnectionException($"could not {what}: {Marshal.GetPInvokeErrorMessage(-result)}");

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static unsafe int OnMessage(nint message, nint userdata, SdBus.Error* error) =>
        ((BusConnection)GCHandle.FromIntPtr(userdata).Target!).Dispatch(message);

    // An exception cannot cross into C; it is kept, and ends the connection where the loop sees it.
#pragma warning disable CA1031
    private unsafe int Dispatch(nint message)
    {
        try
        {
            SdBus.GetType(message, out var type);
            return type switch
            {
                TypeSignal => OnSignal(message),
                TypeMethodCall => OnMethodCall(message),
                _ => 0,
            };
        }
        catch (Exception e)
        {
            _fault = e;
            return 1;
        }
    }
#pragma warning restore CA1031
}
