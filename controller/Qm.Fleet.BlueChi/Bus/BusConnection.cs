using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Qm.Fleet.BlueChi.Bus;

/// <summary>A connection to a message bus, or to one other program: one thread polls and reads, and whoever touches sd-bus holds the gate.</summary>
/// <remarks>
/// Calls may be made from any thread. Signal handlers and method handlers begin on the connection's thread, in the order of
/// the wire; they must return at once and must not throw: a handler that throws ends the connection, for its state is no longer known.
/// </remarks>
internal sealed partial class BusConnection : IAsyncDisposable
{
    // Work that waits for the connection's thread; more than this means that nobody serves the bus any more.
    private const int MaxWork = 65_536;
    private const int MessagesBeforeWork = 64;
    private const int StackBytes = 512 * 1024;
    private const string Remote = "ssh:";
    private const byte TypeMethodCall = 1;
    private const byte TypeSignal = 4;

    private readonly string _address;
    private readonly TimeProvider _time;
    private readonly ConcurrentQueue<Action> _work = new();
    private readonly HashSet<PendingCall> _calls = [];
    private readonly List<PendingCall> _replied = [];
    private readonly TaskCompletionSource _opened = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<string> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly int _wake = Libc.EventFd(0, 0x80800); // EFD_CLOEXEC | EFD_NONBLOCK
    private readonly Lock _gate = new();
    private readonly Lock _wakeGate = new();
    private nint _bus;
    private int _asleep;
    private volatile bool _closing;
    private Exception? _fault;

    private BusConnection(string address, TimeProvider time) => (_address, _time) = (address, time);

    /// <summary>The connection's unique name, such as <c>:1.7</c>; empty where there is no bus that gives names.</summary>
    internal string UniqueName { get; private set; } = "";

    /// <summary>Completes with the reason when the connection has ended.</summary>
    internal Task<string> Ended => _ended.Task;

    /// <summary>Connects to a bus.</summary>
    /// <param name="address">A D-Bus address, <c>system</c> for the system bus, or <c>ssh:[USER@]HOST</c> for that of another host.</param>
    /// <param name="deadline">The longest the connection may take.</param>
    /// <param name="time">Counts the deadlines of this connection.</param>
    /// <param name="ct">Gives up.</param>
    /// <exception cref="BusConnectionException">There is no bus at the address, or it does not answer in time.</exception>
    internal static Task<BusConnection> ConnectAsync(string address, TimeSpan deadline, TimeProvider time, CancellationToken ct) =>
        new BusConnection(address, time).BeginAsync(deadline, ct);

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
        if (_ended.Task.IsCompleted)
        {
            // It ended just now, and nobody looks for work any more.
            DropWork(_ended.Task.Result);
        }

        Wake();
    }

    private async Task<BusConnection> BeginAsync(TimeSpan deadline, CancellationToken ct)
    {
        new Thread(Run, StackBytes) { IsBackground = true, Name = "bus" }.Start();
        try
        {
            await _opened.Task.WaitAsync(deadline, _time, ct);
            return this;
        }
        catch (Exception e)
        {
            Close();
            throw e is TimeoutException ? new BusConnectionException($"no answer from {(IsPeer ? "" : "the bus at ")}{_address} in {deadline.TotalSeconds:0.#} s", e) : e;
        }
    }

    private void Close()
    {
        _closing = true;
        _released.Set();
        Wake();
    }

    // A thread that is not asleep looks for work before it sleeps; only one of many who have some for it wakes it.
    private unsafe void Wake()
    {
        if (Interlocked.Exchange(ref _asleep, 0) == 0)
        {
            return;
        }

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

            FinishWork();
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
        else if (IsPeer)
        {
            OpenPeer(self);
            return;
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
        Check(SdBus.AddFilter(_bus, 0, &OnMessage, self), "listen");
    }

    private void Step()
    {
        bool busy;
        lock (_gate)
        {
            busy = Read() | Work();
        }

        if (!busy)
        {
            Wait();
        }
    }

    private bool Read()
    {
        var read = 0;
        while (read < MessagesBeforeWork && Check(SdBus.Process(_bus, 0), "process") > 0)
        {
            read++;
            ThrowIfFaulted();
        }

        ThrowIfFaulted();

        // All at once, after what had come was read: waking a thread costs more than reading a reply.
        foreach (var call in _replied)
        {
            call.Wake();
        }

        _replied.Clear();
        return read > 0;
    }

    private bool Work()
    {
        var done = 0;
        for (; done < MessagesBeforeWork && _work.TryDequeue(out var work); done++)
        {
            work();
        }

        return done > 0;
    }

    // Whoever says goodbye and closes has said it.
    private void FinishWork()
    {
        lock (_gate)
        {
            for (var left = _work.Count; left > 0 && _work.TryDequeue(out var work); left--)
            {
                work();
            }
        }
    }

    private void ThrowIfFaulted()
    {
        if (_fault is { } fault)
        {
            throw new BusConnectionException($"{(fault is BusFormatException ? "a message cannot be read" : "a handler failed")}: {fault.Message}", fault);
        }
    }

    private unsafe void Wait()
    {
        var fds = stackalloc Libc.PollFd[2];
        ulong until;
        lock (_gate)
        {
            // Whoever finds it asleep wakes it; what was brought just before is seen below.
            Interlocked.Exchange(ref _asleep, 1);
            fds[0] = new() { Fd = Check(SdBus.GetFd(_bus), "poll"), Events = (short)Check(SdBus.GetEvents(_bus), "poll") };
            fds[1] = new() { Fd = _wake, Events = Libc.PollIn };
            Check(SdBus.GetTimeout(_bus, out until), "poll");
        }

        if (_work.IsEmpty && !_closing)
        {
            // sd-bus has timeouts of its own only while it connects; the deadlines of calls are counted by the TimeProvider.
            Libc.Poll(fds, 2, until == ulong.MaxValue ? -1 : 100);
        }

        Interlocked.Exchange(ref _asleep, 0);
        if (fds[1].Returned != 0)
        {
            ulong count;
            Libc.Read(_wake, &count, sizeof(ulong));
        }
    }

    private void End(string reason)
    {
        _ended.TrySetResult(reason);
        lock (_gate)
        {
            EndCalls(reason);
            if (_bus != 0)
            {
                SdBus.FlushCloseUnref(_bus);
                _bus = 0;
            }
        }

        foreach (var match in _matches)
        {
            match.Ended(reason);
        }

        _accepted?.Dispose();

        lock (_wakeGate)
        {
            Libc.Close(_wake);
        }
    }

    private void EndCalls(string reason)
    {
        foreach (var call in _replied)
        {
            call.Wake();
        }

        foreach (var call in _calls)
        {
            call.Fail(new BusConnectionException($"the connection ended: {reason}"));
            call.Release();
        }

        _calls.Clear();
        DropWork(reason);
    }

    // What was posted and not begun: calls fail, answers let go of what they answer, signals have nobody to go to.
    private void DropWork(string reason)
    {
        while (_work.TryDequeue(out var work))
        {
            switch (work.Target)
            {
                case PendingWork pending:
                    pending.Call.Fail(new BusConnectionException($"the connection ended: {reason}"));
                    break;
                case PendingAnswer answer:
                    answer.Drop();
                    break;
            }
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
