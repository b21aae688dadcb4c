using System.Collections.Immutable;

namespace Qm.Fleet.BlueChi.Bus;

/// <content>Signals that are listened to.</content>
internal sealed partial class BusConnection
{
    private ImmutableArray<Subscription> _matches = [];

    /// <summary>Listens to signals; when this returns, every signal sent from then on is seen.</summary>
    /// <param name="match">Which signals.</param>
    /// <param name="handler">Runs on the connection's thread, in the order of the wire; must return at once and not throw.</param>
    /// <param name="ended">Called once with the reason when the connection ends.</param>
    /// <param name="ct">Gives up.</param>
    internal async Task<IAsyncDisposable> ListenAsync(
        BusMatch match, Action<BusSignal> handler, Action<string>? ended = null, CancellationToken ct = default)
    {
        var subscription = new Subscription(this, match, handler, ended);
        ImmutableInterlocked.Update(ref _matches, matches => matches.Add(subscription));
        try
        {
            if (!IsPeer)
            {
                await CallDaemonAsync("AddMatch", [match.Rule], ct);
            }

            return subscription;
        }
        catch (BusException)
        {
            ImmutableInterlocked.Update(ref _matches, matches => matches.Remove(subscription));
            throw;
        }
    }

    private unsafe int OnSignal(nint message)
    {
        var matches = _matches;
        if (matches.IsEmpty)
        {
            return 0;
        }

        // The body is taken apart only for those who want it, and only as far as they do.
        var header = new SignalHeader(
            SdBus.Text(SdBus.GetSender(message)), SdBus.Text(SdBus.GetPath(message)), SdBus.Text(SdBus.GetInterface(message)), SdBus.Text(SdBus.GetMember(message)));
        var most = -1;
        foreach (var subscription in matches)
        {
            if (subscription.Match.Takes(header))
            {
                most = Math.Max(most, subscription.Match.Arguments);
            }
        }

        if (most >= 0)
        {
            var signal = new BusSignal(header, MessageCodec.ReadBody(message, most));
            foreach (var subscription in matches)
            {
                subscription.Offer(signal);
            }
        }

        return 0;
    }

    private sealed class Subscription(BusConnection connection, BusMatch match, Action<BusSignal> handler, Action<string>? ended) : IAsyncDisposable
    {
        private const string MatchRuleNotFound = "org.freedesktop.DBus.Error.MatchRuleNotFound";

        internal BusMatch Match => match;

        internal void Offer(BusSignal signal)
        {
            if (match.Takes(signal))
            {
                handler(signal);
            }
        }

        internal void Ended(string reason) => ended?.Invoke(reason);

        public async ValueTask DisposeAsync()
        {
            ImmutableInterlocked.Update(ref connection._matches, matches => matches.Remove(this));
            if (connection is { IsPeer: false, _ended.Task.IsCompleted: false })
            {
                try
                {
                    await connection.CallDaemonAsync("RemoveMatch", [match.Rule], CancellationToken.None);
                }
                catch (BusConnectionException)
                {
                    // The daemon forgets the matches of a connection that is gone.
                }
                catch (BusErrorException e) when (e.Name == MatchRuleNotFound)
                {
                    // And those for the signals of one that is gone.
                }
            }
        }
    }
}
