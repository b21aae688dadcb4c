using System.Collections.Concurrent;

namespace Qm.Fleet.Lab.BlueChi;

/// <summary>What goes wrong on purpose between the client and the agents. What goes wrong on a node itself is in its <see cref="Nodes.NodeFaults"/>.</summary>
internal sealed class LabFaults
{
    private readonly ConcurrentDictionary<string, TimeSpan> _delays = new();

    /// <summary>How long the controller waits for an agent that does not answer; BlueChi's own is 30 s.</summary>
    public TimeSpan AgentTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Every call to a BlueChi node takes longer; zero ends it.</summary>
    public void DelayCalls(string blueChiNode, TimeSpan by) => _delays[blueChiNode] = by;

    internal TimeSpan DelayOf(string blueChiNode) => _delays.GetValueOrDefault(blueChiNode);
}
