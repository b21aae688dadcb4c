using Microsoft.Extensions.Logging;
using Qm.Fleet.Agent.Effective;
using Qm.Fleet.Agent.Files;
using Qm.Fleet.Agent.Processes;
using Qm.Fleet.Agent.Usage;

namespace Qm.Fleet.Agent.Diagnosis;

/// <summary>What a closer look at a node needs; lives as long as the agent.</summary>
internal sealed class NodeDiagnostics(NodeRoot root, NodePrograms programs, UsageSampler usage, TimeProvider time, ILogger<NodeDiagnostics> logger)
{
    /// <summary>The node's programs.</summary>
    public NodePrograms Programs => programs;

    /// <summary>Collects bundles.</summary>
    public BundleCollector Collector { get; } = new(root, programs, time);

    /// <summary>Finds out where settings come from.</summary>
    public EffectiveReader Effective { get; } = new(root);

    /// <summary>Remembers what was used.</summary>
    public UsageSampler Usage => usage;

    /// <summary>Times credits and the pace of pieces.</summary>
    public TimeProvider Time => time;

    /// <summary>Where to log.</summary>
    public ILogger Logger => logger;
}
