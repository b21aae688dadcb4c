using System.Collections.Concurrent;
using System.Collections.Frozen;
using System.Security.Cryptography.X509Certificates;
using Qm.Fleet.Controller.Storage;

namespace Qm.Fleet.Controller.Security;

/// <summary>Which nodes were retired, and which may enrol once more. One change is in force for the next question.</summary>
internal sealed class NodeStanding(Database database, PeerCertificates peers) : INodeStanding
{
    private readonly ConcurrentDictionary<string, DateTimeOffset> _used = new(StringComparer.Ordinal);
    private FrozenDictionary<string, NodeDecision>? _known;

    private FrozenDictionary<string, NodeDecision> Known => Volatile.Read(ref _known) ?? Refresh();

    /// <summary>Takes up what was stored.</summary>
    public FrozenDictionary<string, NodeDecision> Refresh()
    {
        var known = database.Read(StandingRows.All).ToFrozenDictionary(static decision => decision.Name, StringComparer.Ordinal);
        Volatile.Write(ref _known, known);
        return known;
    }

    /// <summary>What was decided about a node; null for nothing.</summary>
    public NodeDecision? Find(string name) => Known.GetValueOrDefault(name);

    /// <summary>Whether a node is none of ours any more.</summary>
    public bool IsRetired(string name) => Find(name) is { Standing: Standing.Retired };

    /// <summary>Whether a certificate may be made for a node that has none, by whatever way of approval: not for one that was retired.</summary>
    public bool MayEnroll(string name) => !IsRetired(name);

    /// <summary>Whether a node that is enrolled already may take another key: once, after somebody has said so.</summary>
    public bool MayEnrollAgain(string name) => Find(name) is { Standing: Standing.Reenrol } decision && !IsUsed(decision);

    /// <summary>Inside the transaction that grants it: uses that up. It is used up at once, so that nobody else is granted it before the transaction is on disk; where it does not get there, somebody has to say so again.</summary>
    public void Enrolled(WriteTransaction tx, string name)
    {
        if (Find(name) is { Standing: Standing.Reenrol } decision)
        {
            _used[name] = decision.Since;
            StandingRows.Enrolled(tx, name);
        }
    }

    /// <summary>Whether a node may have a new certificate on the strength of the one it shows.</summary>
    public bool MayRenew(string name, X509Certificate2 certificate) => !IsRetired(name) && peers.Identify(certificate) == CallerIdentity.Node(name);

    private bool IsUsed(NodeDecision decision) => _used.TryGetValue(decision.Name, out var since) && since == decision.Since;
}
