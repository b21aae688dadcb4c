using System.Collections.Concurrent;
using Qm.Fleet.Controller.Storage;

namespace Qm.Fleet.Controller.Reconcile;

/// <summary>The nodes as they were last looked at.</summary>
internal sealed class LiveNodes(ChangeFeed feed)
{
    private readonly ConcurrentDictionary<string, NodeLive> _nodes = new(StringComparer.Ordinal);

    /// <summary>A node changed in a way that rollouts may care about; handlers only enqueue.</summary>
    internal event Action? Changed;

    /// <summary>A node was looked at; raised by its worker, so handlers are quick.</summary>
    internal event Action<NodeLive>? Looked;

    internal NodeLive? Find(string name) => _nodes.GetValueOrDefault(name);

    internal ICollection<NodeLive> All => _nodes.Values;

    internal void Set(NodeLive live)
    {
        var before = Find(live.Name);
        _nodes[live.Name] = live;
        Looked?.Invoke(live);
        if (live.DiffersFrom(before))
        {
            feed.Publish(ResourceKind.Node, live.Name);
            Changed?.Invoke();
        }
    }

    internal void Remove(string name)
    {
        if (_nodes.TryRemove(name, out _))
        {
            Changed?.Invoke();
        }
    }
}
