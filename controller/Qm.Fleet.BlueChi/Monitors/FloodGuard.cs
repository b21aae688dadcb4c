namespace Qm.Fleet.BlueChi.Monitors;

/// <summary>Finds nodes that tell more than anybody can look at; a window of signals is allowed at once, the rate is what counts.</summary>
/// <param name="limit">Signals per second that a node may keep up.</param>
/// <param name="burst">Signals that it may send beyond that.</param>
/// <param name="time">Counts the seconds.</param>
internal sealed class FloodGuard(int limit, int burst, TimeProvider time)
{
    private readonly Dictionary<string, (double Level, long At)> _levels = new(StringComparer.Ordinal);

    /// <summary>Counts a signal; true for the one that makes a flood of them.</summary>
    internal bool Count(string node)
    {
        var now = time.GetTimestamp();
        var (level, at) = _levels.GetValueOrDefault(node, (0, now));
        var after = Math.Max(0, level - (limit * time.GetElapsedTime(at, now).TotalSeconds)) + 1;
        _levels[node] = (after, now);
        return level <= burst && after > burst;
    }

    /// <summary>The node is listened to anew.</summary>
    internal void Forget(string node) => _levels.Remove(node);
}
