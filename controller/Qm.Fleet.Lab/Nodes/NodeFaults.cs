using System.Collections.Concurrent;

namespace Qm.Fleet.Lab.Nodes;

/// <summary>What goes wrong on purpose on one node. Units of QM count as the node's, by their name.</summary>
/// <param name="probes">A folder with a file for each container whose probe fails: the node's podman, a program of its own, looks there.</param>
internal sealed class NodeFaults(string probes)
{
    private readonly ConcurrentDictionary<string, int> _failingStarts = new();
    private readonly ConcurrentDictionary<string, TimeSpan> _delays = new();
    private readonly ConcurrentDictionary<string, bool> _crashing = new();
    private volatile bool _crashLoops;

    /// <summary>Whether QM's init dies whenever <c>qm.service</c> has become active.</summary>
    public bool CrashLoops { get => _crashLoops; set => _crashLoops = value; }

    /// <summary>The units whose process dies after every start.</summary>
    public IEnumerable<string> CrashingUnits => _crashing.Keys.Order(StringComparer.Ordinal);

    /// <summary>The units whose next starts fail, with how many of them.</summary>
    public IReadOnlyDictionary<string, int> FailingStarts => _failingStarts;

    /// <summary>The units whose operations take longer, with by how much.</summary>
    public IReadOnlyDictionary<string, TimeSpan> Delays => _delays;

    /// <summary>The next <paramref name="times"/> starts of a unit end <c>failed</c>; zero ends it.</summary>
    public void FailStarts(string unit, int times)
    {
        if (times > 0)
        {
            _failingStarts[unit] = times;
        }
        else
        {
            _failingStarts.TryRemove(unit, out _);
        }
    }

    /// <summary>The process of a unit dies after every start.</summary>
    public void CrashAfterStart(string unit) => _crashing[unit] = true;

    /// <summary>Every operation on a unit takes longer; zero ends it.</summary>
    public void SlowDown(string unit, TimeSpan by)
    {
        if (by > TimeSpan.Zero)
        {
            _delays[unit] = by;
        }
        else
        {
            _delays.TryRemove(unit, out _);
        }
    }

    /// <summary>The containers inside QM whose probe fails.</summary>
    public IReadOnlyList<string> FailingProbes => Directory.Exists(probes) ? [.. Directory.EnumerateFiles(probes).Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal)] : [];

    /// <summary>What probes a container fails from now on.</summary>
    public void FailProbe(string container)
    {
        Directory.CreateDirectory(probes);
        File.WriteAllText(Path.Combine(probes, container), "");
    }

    /// <summary>Ends all of them.</summary>
    public void Clear()
    {
        CrashLoops = false;
        foreach (var container in FailingProbes)
        {
            File.Delete(Path.Combine(probes, container));
        }

        _crashing.Clear();
        _failingStarts.Clear();
        _delays.Clear();
    }

    internal TimeSpan DelayOf(string unit) => _delays.GetValueOrDefault(unit);

    internal bool CrashesAfterStart(string unit) => _crashing.ContainsKey(unit);

    internal bool TakeFailingStart(string unit)
    {
        while (_failingStarts.TryGetValue(unit, out var left))
        {
            if (left > 1 ? _failingStarts.TryUpdate(unit, left - 1, left) : _failingStarts.TryRemove(KeyValuePair.Create(unit, left)))
            {
                return true;
            }
        }

        return false;
    }
}
