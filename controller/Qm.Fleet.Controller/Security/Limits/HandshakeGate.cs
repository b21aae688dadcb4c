using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Options;
using Qm.Fleet.Controller.Options;
using Qm.Fleet.Core.Limits;

namespace Qm.Fleet.Controller.Security.Limits;

/// <summary>
/// Stands before TLS: gives each address its turn for a handshake, which costs the controller more than the client, and bounds how many of its connections have
/// not come through one yet. What waits for its turn costs a socket; what is too much is closed without an answer. Whoever comes through with a certificate of ours
/// gives the turn back, so that what counts is handshakes that fail and those of nobody: thousands of nodes behind one address do not hold each other.
/// </summary>
/// <remarks>Before a handshake nobody can be told from another. Where strangers of an address take all its turns, each that waits has the same chance of the next one, whoever came first.</remarks>
internal sealed class HandshakeGate(IOptions<ControllerOptions> options, LimitTrail trail, TimeProvider time)
{
    /// <summary>Connections of everybody together that are before their handshake or in it, so that those who came through it keep their places.</summary>
    public const int MostUnfinished = 5000;

    /// <summary>How long a connection waits for its turn: less than the ten seconds after which an agent gives up.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>What an address may begin at once after a rest, in seconds of its pace.</summary>
    private const double BurstSeconds = 0.5;

    // Of the pace of an address: what one certificate gives back, so that its owner cannot storm with it.
    private const double ShareOfOne = 0.1;

    // Turns come back as well as up, so who waits asks again instead of being told when.
    private static readonly TimeSpan Again = TimeSpan.FromMilliseconds(100);

    private readonly Shares<IPAddress> _unfinished = new();
    private readonly Paces<IPAddress> _paces = new(time);
    private readonly Paces<string> _givenBack = new(time);

    /// <summary>Guards a listener; what is added to it later runs behind.</summary>
    public void Guard(ListenOptions listen) => listen.Use(next => connection =>
        ClientAddress.Of(connection.RemoteEndPoint) is { } address ? RunAsync(connection, address, next) : next(connection));

    /// <summary>The connection's handshake is done.</summary>
    public static void Finish(BaseConnectionContext connection) => connection.Features.Get<Unfinished>()?.Finish();

    /// <summary>The connection's handshake is done, by somebody with a certificate of ours: it does not count.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="actor">Who.</param>
    public void Recognise(BaseConnectionContext connection, string actor)
    {
        if (connection.Features.Get<Unfinished>() is { } unfinished && _givenBack.Take(actor, Pace.Of(options.Value.Limits.HandshakesPerAddress * ShareOfOne, BurstSeconds), TimeSpan.Zero).IsGiven)
        {
            _paces.GiveBack(unfinished.Address, unfinished.TakenAt);
        }
    }

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
        var unfinished = new Unfinished(address, () =>
        {
            _unfinished.GiveBack(address);
            _unfinished.GiveBack(IPAddress.None);
        });
        connection.Features.Set(unfinished);
        try
        {
            if (await TurnAsync(connection, address, limits.HandshakesPerAddress).ConfigureAwait(false) is not { } pace)
            {
                Refuse(connection, address, LimitNames.Handshakes, $"The address began more than {limits.HandshakesPerAddress} handshakes a second that came to nothing, or were of nobody.");
                return;
            }
            unfinished.TakenAt = pace;
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

    // At which pace the turn was taken; null when there was none within the patience.
    private async Task<Pace?> TurnAsync(ConnectionContext connection, IPAddress address, int perSecond)
    {
        for (var begun = time.GetTimestamp(); ;)
        {
            var pace = Pace.Of(perSecond, BurstSeconds);
            if (_paces.Take(address, pace, TimeSpan.Zero).IsGiven)
            {
                return pace;
            }
            if (time.GetElapsedTime(begun) >= Patience)
            {
                return null;
            }
            await Task.Delay(Again, time, connection.ConnectionClosed).ConfigureAwait(false);
        }
    }

    // Nobody waits for the event log here: the connection is gone by then.
    private void Refuse(ConnectionContext connection, IPAddress address, string limit, string refusal)
    {
        _ = trail.NoteAsync(CallerIdentity.Nobody(new IPEndPoint(address, 0)).Actor, limit, refusal);
        connection.Abort(new ConnectionAbortedException(refusal));
    }

    /// <summary>A connection before the end of its handshake.</summary>
    private sealed class Unfinished(IPAddress address, Action finish)
    {
        private int _finished;

        /// <summary>Where it comes from.</summary>
        public IPAddress Address => address;

        /// <summary>The pace that its turn was taken at.</summary>
        public Pace TakenAt { get; set; }

        public void Finish()
        {
            if (Interlocked.Exchange(ref _finished, 1) == 0)
            {
                finish();
            }
        }
    }
}
