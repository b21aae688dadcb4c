using System.Net;
using System.Net.Sockets;

namespace Qm.Fleet.Lab.Processes;

/// <summary>A way over TCP to a port of this machine, byte for byte, that can be cut: both sides lose every connection at once, and a new one ends as it begins.</summary>
internal sealed class CuttableLink : IAsyncDisposable
{
    private const int MostConnections = 64;
    private readonly int _port;
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _end = new();
    private readonly Lock _gate = new();
    private readonly Dictionary<Socket, Task> _open = [];
    private readonly Task _accepting;
    private bool _cut;

    /// <summary>Opens it.</summary>
    /// <param name="port">Where it leads to; nobody need be there yet.</param>
    public CuttableLink(int port)
    {
        _port = port;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    /// <summary>Where it begins.</summary>
    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>Whether it is cut.</summary>
    public bool IsCut
    {
        get
        {
            lock (_gate)
            {
                return _cut;
            }
        }
    }

    /// <summary>Cuts it.</summary>
    public void Cut()
    {
        lock (_gate)
        {
            _cut = true;
            foreach (var client in _open.Keys)
            {
                client.Close(0);
            }
        }
    }

    /// <summary>Makes it whole for connections that come.</summary>
    public void Heal()
    {
        lock (_gate)
        {
            _cut = false;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync().ConfigureAwait(false);
        _listener.Dispose();
        await _accepting.ConfigureAwait(false);
        Task[] open;
        lock (_gate)
        {
            open = [.. _open.Values];
        }

        await Task.WhenAll(open).ConfigureAwait(false);
        _end.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                Take(await _listener.AcceptSocketAsync(_end.Token).ConfigureAwait(false));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The lab ends.
        }
    }

    private void Take(Socket client)
    {
        lock (_gate)
        {
            if (_cut || _open.Count >= MostConnections)
            {
                client.Close(0);
                return;
            }

            _open[client] = Task.Run(() => CarryAsync(client));
        }
    }

    private async Task CarryAsync(Socket client)
    {
        using var server = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            client.NoDelay = true;
            await server.ConnectAsync(IPAddress.Loopback, _port, _end.Token).ConfigureAwait(false);
            await CarryAsync(new NetworkStream(client), new NetworkStream(server)).ConfigureAwait(false);
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or IOException or ObjectDisposedException)
        {
            // Nobody is there, or the link was cut, or the lab ends: either way it is over.
        }
        finally
        {
            lock (_gate)
            {
                _open.Remove(client);
            }

            client.Dispose();
        }
    }

    // When one side has ended, so has the other.
    private async Task CarryAsync(NetworkStream near, NetworkStream far)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(_end.Token);
        await using (near.ConfigureAwait(false))
        await using (far.ConfigureAwait(false))
        {
            Task[] ways = [near.CopyToAsync(far, over.Token), far.CopyToAsync(near, over.Token)];
            await Task.WhenAny(ways).ConfigureAwait(false);
            await over.CancelAsync().ConfigureAwait(false);
            await Task.WhenAll(ways).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
