using System.Net.Sockets;

namespace Qm.Fleet.BlueChi.Bus;

/// <content>Two programs that speak D-Bus to each other with no bus between them, as bluechi-controller and its agents do.</content>
internal sealed partial class BusConnection
{
    private const int TcpLevel = 6;
    private const int TcpNoDelay = 1;

    private readonly ManualResetEventSlim _released = new(initialState: true);
    private Socket? _accepted;

    private bool IsPeer { get; init; }

    /// <summary>Connects to a program that serves D-Bus itself. Neither side proves who it is (SASL ANONYMOUS), and nobody gives out names.</summary>
    /// <param name="address">A D-Bus address, <c>unix:</c> or <c>tcp:</c>.</param>
    /// <param name="deadline">The longest the connection may take.</param>
    /// <param name="time">Counts the deadlines of this connection.</param>
    /// <param name="ct">Gives up.</param>
    /// <exception cref="BusConnectionException">Nobody serves the address, or they do not answer in time.</exception>
    internal static Task<BusConnection> ConnectPeerAsync(string address, TimeSpan deadline, TimeProvider time, CancellationToken ct) =>
        new BusConnection(address, time) { IsPeer = true }.BeginAsync(deadline, ct);

    /// <summary>The other side of <see cref="ConnectPeerAsync"/>: serves D-Bus to whoever connected.</summary>
    /// <param name="socket">An accepted socket, which becomes the connection's own.</param>
    /// <param name="prepare">Runs before the first message is taken in; the place to <see cref="Serve"/>.</param>
    /// <param name="deadline">The longest the other side may take to greet.</param>
    /// <param name="time">Counts the deadlines of this connection.</param>
    /// <param name="ct">Gives up.</param>
    /// <exception cref="BusConnectionException">The other side does not speak D-Bus, or not in time.</exception>
    internal static Task<BusConnection> AcceptPeerAsync(Socket socket, Action<BusConnection> prepare, TimeSpan deadline, TimeProvider time, CancellationToken ct)
    {
        var connection = new BusConnection("a peer", time) { IsPeer = true, _accepted = socket };
        prepare(connection);
        return connection.BeginAsync(deadline, ct);
    }

    /// <summary>
    /// Stops the connection as SIGSTOP stops a process: nothing is read, answered or sent, and what arrives stays in the socket, until
    /// <see cref="Release"/>. Ends once it stands still.
    /// </summary>
    /// <exception cref="BusConnectionException">The connection has ended.</exception>
    internal Task HoldAsync()
    {
        var held = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _released.Reset();
        Post(() =>
        {
            held.SetResult();
            if (!_closing)
            {
                _released.Wait();
            }
        });
        return Task.WhenAny(held.Task, Ended);
    }

    /// <summary>Lets a connection that was stopped go on.</summary>
    internal void Release() => _released.Set();

    private unsafe void OpenPeer(nint self)
    {
        Check(SdBus.New(out _bus), "make a connection");
        if (_accepted is null)
        {
            Check(SdBus.SetAddress(_bus, _address), $"use the address {_address}");
        }
        else
        {
            // sd-bus closes its descriptor, and the socket its own.
            var fd = Libc.Duplicate((int)_accepted.Handle);
            Check(SdBus.SetFd(_bus, fd, fd), "use the socket");
            var id = Guid.CreateVersion7(_time.GetUtcNow()).ToByteArray();
            Check(SdBus.SetServer(_bus, 1, new(BitConverter.ToUInt64(id), BitConverter.ToUInt64(id, sizeof(ulong)))), "serve");
        }

        Check(SdBus.SetAnonymous(_bus, 1), "be anonymous");
        Check(SdBus.AddFilter(_bus, 0, &OnMessage, self), "listen");
        Check(SdBus.Start(_bus), $"connect to {_address}");

        // A reply and the signal after it are two small writes; the second must not wait for the first's acknowledgement. Unix sockets refuse, and need none.
        var on = 1;
        _ = Libc.SetSocketOption(Check(SdBus.GetFd(_bus), "poll"), TcpLevel, TcpNoDelay, &on, sizeof(int));
        while (!_closing && Check(SdBus.IsReady(_bus), $"be greeted by {_address}") == 0)
        {
            Step();
        }
    }
}
