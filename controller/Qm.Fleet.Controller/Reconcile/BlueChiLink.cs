using System.Collections.Concurrent;
using System.Collections.Immutable;
using Qm.Fleet.BlueChi;
using Qm.Fleet.BlueChi.Jobs;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Core.Revisions;

namespace Qm.Fleet.Controller.Reconcile;

/// <summary>What BlueChi was last heard to say; signals only mark a host as worth another look.</summary>
internal sealed class BlueChiLink(EventSink events, TimeProvider time) : IBlueChiObserver
{
    /// <summary>The unit that stands for all of a node, as in BlueChi's own signals.</summary>
    internal const string All = "*";

    private readonly ConcurrentDictionary<string, NodeStatus> _nodes = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, CancellationTokenSource> _online = new(StringComparer.Ordinal);
    private GuardedBlueChi? _current;

    /// <summary>The present BlueChi, behind the guard of what is not QM; null while there is none.</summary>
    internal IBlueChi? Current => _current;

    /// <summary>Why there is none.</summary>
    internal string NotConnectedBecause { get; private set; } = "BlueChi was not heard yet";

    /// <summary>Since when there is one, or none.</summary>
    internal DateTimeOffset Since { get; private set; } = time.GetUtcNow();

    /// <summary>A unit of a host or of its QM, or all of it (<c>*</c>), is worth another look; handlers only enqueue.</summary>
    internal event Action<string, string>? HostChanged;

    /// <summary>BlueChi came, went, or is another one: every host is worth another look; handlers only enqueue.</summary>
    internal event Action? AllChanged;

    /// <summary>The present BlueChi for what a person asked for, which may reach units of hosts that are listed; null while there is none.</summary>
    internal IBlueChi? For(HostUnitPass pass) => _current?.With(pass);

    /// <summary>The hosts BlueChi knows, without their QMs.</summary>
    internal ImmutableArray<string> Hosts =>
        [.. _nodes.Keys.Where(name => QmNode.HostOf(name, out var isQm) is not null && !isQm).Order(StringComparer.Ordinal)];

    /// <summary>How a BlueChi node, a host or its QM, was last heard of.</summary>
    internal Presence PresenceOf(string bluechiNode) => (Current, _nodes.GetValueOrDefault(bluechiNode)) switch
    {
        (null, _) => Presence.Unknown,
        (_, NodeStatus.Online) => Presence.Online,
        (_, NodeStatus.Offline) => Presence.Offline,
        // BlueChi is heard and lists every node it allows: one that is not listed cannot be connected.
        _ => Presence.Offline,
    };

    /// <summary>Fires when BlueChi no longer calls a node, a host or its QM, online: who waits for an answer of it would wait for half a minute more.</summary>
    internal CancellationToken Gone(string bluechiNode)
    {
        var online = _online.GetOrAdd(bluechiNode, static _ => new());
        // Asked after it is there to be ended: whoever goes between the two is seen here, or ends it.
        if (PresenceOf(bluechiNode) != Presence.Online)
        {
            End(bluechiNode);
        }

        return online.Token;
    }

    public void Connected(IBlueChi blueChi, IReadOnlyList<NodeInfo> nodes)
    {
        _nodes.Clear();
        foreach (var node in nodes)
        {
            _nodes[node.Name] = node.Status;
        }

        Since = Current is null ? time.GetUtcNow() : Since;
        _current = new GuardedBlueChi(blueChi);
        EndAll();
        AllChanged?.Invoke();
    }

    public void Disconnected(string reason)
    {
        NotConnectedBecause = reason;
        Since = Current is null ? Since : time.GetUtcNow();
        _current = null;
        EndAll();
        AllChanged?.Invoke();
    }

    public void NodeStatusChanged(string node, NodeStatus status)
    {
        _nodes[node] = status;
        if (status != NodeStatus.Online)
        {
            End(node);
        }

        HostChanged?.Invoke(QmNode.HostOf(node, out _), All);
    }

    public void UnitChanged(string node, string unit, UnitHint hint) => HostChanged?.Invoke(QmNode.HostOf(node, out _), unit);

    public void NodeFloods(string node, int signalsPerSecond, bool calm) => events.Note(calm
        ? new("NodeCalm", EventSeverity.Info, EventDraft.Controller, "", QmNode.HostOf(node, out _), "", $"BlueChi's signals from {node} are listened to again")
        : new("NodeFloods", EventSeverity.Warning, EventDraft.Controller, "", QmNode.HostOf(node, out _), "",
            $"{node} sends more than {signalsPerSecond} signals a second; it is read now and then instead, the others are not affected"));

    public void LateExecution(LateExecution late) => events.Note(new(
        "LateExecution", EventSeverity.Warning, EventDraft.Controller, "", QmNode.HostOf(late.Node, out _), late.Unit,
        $"{late.Type} of {late.Unit} on {late.Node}, asked for at {late.AskedAt:u} and given up as unknown, was carried out after all (invocation {late.InvocationId})"));

    private void EndAll()
    {
        foreach (var node in _online.Keys)
        {
            End(node);
        }
    }

    // Not disposed: whoever got its token may still link to it.
    private void End(string bluechiNode)
    {
        if (_online.TryRemove(bluechiNode, out var online))
        {
            online.Cancel();
        }
    }
}
