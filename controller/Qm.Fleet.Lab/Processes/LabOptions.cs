using Qm.Fleet.Lab.BlueChi;
using Qm.Fleet.Lab.Nodes;
using Qm.Fleet.Lab.Peers;

namespace Qm.Fleet.Lab.Processes;

/// <summary>How the agents run.</summary>
internal enum AgentMode
{
    /// <summary>A process each up to 20 nodes, one for all above.</summary>
    Auto,

    /// <summary>A process each, as on real nodes.</summary>
    Process,

    /// <summary>All in one process: the same code, less memory.</summary>
    Shared,
}

/// <summary>How nodes get their certificates.</summary>
internal enum LabJoin
{
    /// <summary>By token up to 20 nodes, by hand above.</summary>
    Auto,

    /// <summary>Each makes its key itself and joins with a token, as on real nodes.</summary>
    Token,

    /// <summary>They are made for all nodes and brought there.</summary>
    Certificates,

    /// <summary>Not yet: each knows who the controller is, and nobody waits for it.</summary>
    Nothing,
}

/// <summary>What a lab consists of.</summary>
internal sealed record LabOptions
{
    private const int MaxAgentProcesses = 20;

    /// <summary>Number of nodes, from 1; they are called ecu1, ecu2 and so on.</summary>
    public int Nodes { get; init; } = 3;

    /// <summary>A new directory that is not removed; null for one that is.</summary>
    public string? Keep { get; init; }

    /// <summary>How the agents run.</summary>
    public AgentMode Agents { get; init; }

    /// <summary>How nodes get their certificates.</summary>
    public LabJoin Join { get; init; }

    /// <summary>More words for the controller's command line.</summary>
    public IReadOnlyList<string> ControllerArguments { get; init; } = [];

    /// <summary>How long things take on the nodes.</summary>
    public NodeTimings Timings { get; init; } = NodeTimings.Fast;

    /// <summary>How long nodes wait for the confirmation of a change that could cut them off; null for the controller's own default.</summary>
    public TimeSpan? LinkConfirmWithin { get; init; }

    /// <summary>The bluechi-controller that the nodes register with; null for an emulated one on a private bus.</summary>
    public RealController? BlueChi { get; init; }

    /// <summary>How the emulated bluechi-controller finds out silent agents; null for not at all, as is BlueChi's default.</summary>
    public Heartbeats? Heartbeats { get; init; }

    /// <summary>Names of the nodes.</summary>
    public IReadOnlyList<string> NodeNames => [.. Enumerable.Range(1, Nodes).Select(number => $"ecu{number}")];

    /// <summary>What the agents of hosts and QMs register as.</summary>
    public IReadOnlyList<string> BlueChiNodeNames => [.. NodeNames, .. NodeNames.Select(name => $"qm.{name}")];

    /// <summary>Whether nodes join with a token.</summary>
    public bool JoinsByToken => Join == LabJoin.Token || (Join == LabJoin.Auto && Nodes <= MaxAgentProcesses);

    /// <summary>Whether each agent has a process of its own.</summary>
    public bool AgentProcessEach => Agents == AgentMode.Process || (Agents == AgentMode.Auto && Nodes <= MaxAgentProcesses);
}
