using System.Collections.Concurrent;

namespace Qm.Fleet.Lab.BlueChi;

/// <summary>Calls that are answered with an error.</summary>
/// <param name="Error">The D-Bus error name.</param>
/// <param name="Unit">Only calls about this unit; null for all.</param>
/// <param name="Method">Only this method; null for all.</param>
internal sealed record Refusal(string Error, string? Unit = null, string? Method = null);

/// <summary>What goes wrong on purpose between the client and the agents. What goes wrong on a node itself is in its <see cref="Nodes.NodeFaults"/>.</summary>
internal sealed class LabFaults
{
    private readonly ConcurrentDictionary<string, TimeSpan> _delays = new();
    private readonly ConcurrentDictionary<string, Refusal> _refusals = new();
    private readonly ConcurrentDictionary<string, bool> _merging = new();

    private readonly ConcurrentDictionary<string, string> _addresses = new();

    /// <summary>Where BlueChi says that a node is connected from, while it is; empty for a Unix socket.</summary>
    public string AddressOf(string blueChiNode) => _addresses.GetValueOrDefault(blueChiNode, "");

    /// <summary>Has a node be connected from an address.</summary>
    public void ConnectFrom(string blueChiNode, string address) => _addresses[blueChiNode] = address;

    /// <summary>How long the controller waits for an agent that does not answer; BlueChi's own is 30 s.</summary>
    public TimeSpan AgentTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Every call to a BlueChi node takes longer; zero ends it.</summary>
    public void DelayCalls(string blueChiNode, TimeSpan by) => _delays[blueChiNode] = by;

    /// <summary>Calls to a BlueChi node are answered with an error and not passed on; null ends it.</summary>
    public void Refuse(string blueChiNode, Refusal? refusal)
    {
        if (refusal is null)
        {
            _refusals.TryRemove(blueChiNode, out _);
        }
        else
        {
            _refusals[blueChiNode] = refusal;
        }
    }

    /// <summary>Whether the next job on a BlueChi node is folded with one that another client asks for.</summary>
    public void MergeNextJob(string blueChiNode, bool merge)
    {
        if (merge)
        {
            _merging[blueChiNode] = true;
        }
        else
        {
            _merging.TryRemove(blueChiNode, out _);
        }
    }

    internal TimeSpan DelayOf(string blueChiNode) => _delays.GetValueOrDefault(blueChiNode);

    internal Refusal? RefusalOf(string blueChiNode) => _refusals.GetValueOrDefault(blueChiNode);

    internal bool MergesNextJob(string blueChiNode) => _merging.ContainsKey(blueChiNode);

    internal bool TakeMerge(string blueChiNode) => _merging.TryRemove(blueChiNode, out _);
}
