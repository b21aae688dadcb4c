using System.Collections.Concurrent;

namespace Qm.Fleet.Lab.BlueChi;

/// <summary>Counts the calls that change something on a node, refused and timed out ones included. Survives a restart of the emulated controller.</summary>
internal sealed class CallCounters
{
    private readonly ConcurrentDictionary<(string Node, string Method), ulong> _counts = new();

    /// <summary>A call arrived: its node and its method. Handlers only take note.</summary>
    public event Action<string, string>? Counted;

    /// <summary>Every counter that is not 0.</summary>
    public IReadOnlyDictionary<(string Node, string Method), ulong> Counts => _counts;

    /// <summary>All of them together.</summary>
    public ulong Total => _counts.Values.Aggregate(0UL, (sum, count) => sum + count);

    /// <summary>The calls of one method on one node.</summary>
    public ulong this[string node, string method] => _counts.GetValueOrDefault((node, method));

    internal void Count(string node, string method)
    {
        _counts.AddOrUpdate((node, method), 1, (_, count) => count + 1);
        Counted?.Invoke(node, method);
    }
}
