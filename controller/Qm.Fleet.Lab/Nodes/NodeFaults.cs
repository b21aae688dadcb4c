using System.Collections.Concurrent;

namespace Qm.Fleet.Lab.Nodes;

/// <summary>What goes wrong on purpose on one node. Units of QM count as the node's, by their name.</summary>
internal sealed class NodeFaults
{
    private readonly ConcurrentDictionary<string, int> _failingStarts = new();
    private readonly ConcurrentDictionary<string, TimeSpan> _delays = new();

    /// <summary>The next <paramref name="times"/> starts of a unit end <c>failed</c>.</summary>
    public void FailStarts(string unit, int times) => _failingStarts[unit] = times;

    /// <summary>Every operation on a unit takes longer; zero ends it.</summary>
    public void SlowDown(string unit, TimeSpan by) => _delays[unit] = by;

    internal TimeSpan DelayOf(string unit) => _delays.GetValueOrDefault(unit);

    internal bool TakeFailingStart(string unit)
    {
        var left = _failingStarts.AddOrUpdate(unit, -1, (_, times) => times - 1);
        return left >= 0;
    }
}
