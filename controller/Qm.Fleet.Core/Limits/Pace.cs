namespace Qm.Fleet.Core.Limits;

/// <summary>How often somebody may do something: at a rate, and a few at once after a rest.</summary>
/// <remarks>
/// The generic cell rate algorithm: all that is kept of somebody is when what they took will be paid for. What comes too early waits for its turn, or is
/// refused with the time after which it would not be.
/// </remarks>
/// <param name="PerSecond">The rate, more than 0.</param>
/// <param name="Burst">How many at once after a rest, at least 1.</param>
public readonly record struct Pace(double PerSecond, double Burst)
{
    /// <summary>A rate, and at once what <paramref name="seconds"/> of it give.</summary>
    public static Pace Of(double perSecond, double seconds) => new(perSecond, Math.Max(1, perSecond * seconds));

    /// <summary>Asks for a turn.</summary>
    /// <param name="paidAt">When what was taken so far is paid for, as the last turn said; zero at first.</param>
    /// <param name="now">The time, by a clock that nobody sets.</param>
    /// <param name="patience">How long a turn may be waited for.</param>
    /// <param name="cost">How much of the rate it takes; 1 for one.</param>
    public PaceTurn Take(TimeSpan paidAt, TimeSpan now, TimeSpan patience, double cost = 1)
    {
        var paid = (paidAt > now ? paidAt : now) + TimeSpan.FromSeconds(cost / PerSecond);
        var wait = paid - now - TimeSpan.FromSeconds(Burst / PerSecond);
        return wait <= TimeSpan.Zero ? new(true, TimeSpan.Zero, paid)
            : wait <= patience ? new(true, wait, paid)
            : new(false, wait - patience, paidAt);
    }

    /// <summary>Gives a turn back that was taken, as if it never had been.</summary>
    /// <param name="paidAt">When what was taken so far is paid for.</param>
    /// <param name="cost">How much of the rate it took.</param>
    /// <returns>When the rest is paid for.</returns>
    public TimeSpan GiveBack(TimeSpan paidAt, double cost = 1) => paidAt - TimeSpan.FromSeconds(cost / PerSecond) is var rest && rest > TimeSpan.Zero ? rest : TimeSpan.Zero;
}

/// <summary>The answer to somebody who asked for a turn.</summary>
/// <param name="IsGiven">Whether there is one.</param>
/// <param name="Wait">How long until it; where there is none, how long until one could be had.</param>
/// <param name="PaidAt">When what was taken is paid for.</param>
public readonly record struct PaceTurn(bool IsGiven, TimeSpan Wait, TimeSpan PaidAt);
