using System.Net;
using Qm.Fleet.Controller.Security.Limits;

namespace Qm.Fleet.Controller.Security;

/// <summary>Counts wrong tokens of each address, so that nobody tries many. What is kept is bounded: 10,000 addresses, the oldest forgotten first.</summary>
internal sealed class GuessLimit(TimeProvider time)
{
    /// <summary>Wrong ones of one address within <see cref="Window"/> before it has to wait.</summary>
    public const int Most = 10;

    private const int MostAddresses = 10_000;

    /// <summary>How long a wrong token counts.</summary>
    public static readonly TimeSpan Window = TimeSpan.FromMinutes(1);

    private readonly Lock _gate = new();
    private readonly Dictionary<IPAddress, (DateTimeOffset Since, int Count)> _wrong = [];
    private readonly Queue<(IPAddress Address, DateTimeOffset Since)> _order = [];

    /// <summary>Whether an address has to wait. The Unix socket has none and never waits.</summary>
    public bool IsTooMany(IPAddress? from)
    {
        var address = ClientAddress.Of(from);
        lock (_gate)
        {
            return address is not null && _wrong.TryGetValue(address, out var wrong) && wrong.Count >= Most && time.GetUtcNow() - wrong.Since < Window;
        }
    }

    /// <summary>Counts one wrong token.</summary>
    public void Count(IPAddress? from)
    {
        if (ClientAddress.Of(from) is not { } address)
        {
            return;
        }
        lock (_gate)
        {
            var now = time.GetUtcNow();
            if (_wrong.TryGetValue(address, out var wrong) && now - wrong.Since < Window)
            {
                _wrong[address] = wrong with { Count = wrong.Count + 1 };
                return;
            }
            _wrong[address] = (now, 1);
            _order.Enqueue((address, now));
            while (_order.Count > MostAddresses)
            {
                var (oldest, since) = _order.Dequeue();
                if (_wrong.TryGetValue(oldest, out var kept) && kept.Since == since)
                {
                    _wrong.Remove(oldest);
                }
            }
        }
    }
}
