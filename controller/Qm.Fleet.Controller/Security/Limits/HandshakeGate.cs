using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Options;
using Qm.Fleet.Controller.Options;
using Qm.Fleet.Core.Limits;

namespace Qm.Fleet.Controller.Security.Limits;

/// <summary>
/// Stands before TLS: gives each address its turn for a handshake, which costs the controller more than the client, and bounds how many of its connections have
/// not come through one yet. What waits for its turn costs a socket; what is too much is closed without an answer.
/// </summary>
internal sealed class HandshakeGate(IOptions<ControllerOptions> options, LimitTrail trail, TimeProvider time)
{
    /// <summary>Connections of everybody together that are before their handshake or in it, so that those who came through it keep their places.</summary>
    public const int MostUnfinished = 5000;

    /// <summary>How long a connection waits for its turn: less than the ten seconds after which an agent gives up.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>What an address may begin at once after a rest, in seconds of its pace.</summary>
    private const double BurstSeconds = 0.5;

    private readonly Shares<IPAddress> _unfinished = new();
    private readonly Paces<IPAddress> _paces = new(time);

    /// <summary>Guards a listener; what is added to it later runs behind.</summary>
    public void Guard(ListenOptions listen) => listen.Use(next => connection =>
        ClientAddress.Of(connection.RemoteEndPoint) is { } address ? RunAsync(connection, address, next) : next(connection));

    /// <summary>The connection's handshake is done.</summary>
    public static void Finish(BaseConnectionContext connection) => connection.Features.Get<Unfinished>()?.Finish();

    private async Task RunAsync(ConnectionContext connection, IPAddress address, ConnectionDelegate next)
    {
        var limits = options.Value.Limits;
        if (!_unfinished.TryTake(IPAddress.None, MostUnfinished))
        {
            Refuse(connection, address, LimitNames.Unfinished, $"{MostUnfinished} connections have not come through their handshake.");
            return;
        }
        if (!_unfinished.TryTake(address, limits.UnfinishedPerAddress))
        {
            _unfinished.GiveBack(IPAddress.None);
            Refuse(connection, address, LimitNames.Unfinished, $"{limits.UnfinishedPerAddress} connections of the address have not come through their handshake.");
            return;
        }
        var unfinished = new Unfinished(() =>
        {
            _unfinished.GiveBack(address);
            _unfinished.GiveBack(IPAddress.None);
        });
        connection.Features.Set(unfinished);
        try
        {
            var turn = _paces.Take(address, Pace.Of(limits.HandshakesPerAddress, BurstSeconds), Patience);
            if (!turn.IsGiven)
            {
                Refuse(connection, address, LimitNames.Handshakes, $"The address began more than {limits.HandshakesPerAddress} handshakes a second.");
                return;
            }
            if (turn.Wait > TimeSpan.Zero)
            {
                await Task.Delay(turn.Wait, time, connection.ConnectionClosed).ConfigureAwait(false);
            }
            await next(connection).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (connection.ConnectionClosed.IsCancellationRequested)
        {
            // The peer did not wait for its turn.
        }
        finally
        {
            unfinished.Finish();
        }
    }

    // Nobody waits for the event log here: the connection is gone by then.
    private void Refuse(ConnectionContext connection, IPAddress address, string limit, string refusal)
    {
        _ = trail.NoteAsync(CallerIdentity.Nobody(new IPEndPoint(address, 0)).Actor, limit, refusal);
        connection.Abort(new ConnectionAbortedException(refusal));
    }

    /// <summary>A connection before the end of its handshake.</summary>
    private sealed class Unfinished(Action finish)
    {
        private int _finished;

        public void Finish()
        {
            if (Interlocked.Exchange(ref _finished, 1) == 0)
            {
                finish();
            }
        }
    }
}
