using Qm.Fleet.Core.Supervision;

namespace Qm.Fleet.Controller.Gateway;

/// <summary>A node's report as received.</summary>
/// <param name="Report">Evidence; not to be changed.</param>
/// <param name="ReceivedAt">When it arrived.</param>
/// <param name="BootId">The node's boot it was made in.</param>
internal sealed record AgentReport(V1.NodeReport Report, DateTimeOffset ReceivedAt, string BootId);

/// <summary>When a node was heard of and looked at: whether it lives, apart from what is so on it.</summary>
/// <param name="HeardAt">When its agent last said anything.</param>
/// <param name="LookedAt">When its agent last looked at the node; null before its first report.</param>
internal sealed record AgentPulse(DateTimeOffset HeardAt, DateTimeOffset? LookedAt)
{
    /// <summary>The node's clock less the controller's when it was last told; null when it was not.</summary>
    internal TimeSpan? ClockSkew { get; init; }

    /// <summary>The file system of QM's /var as last told; null when it was not.</summary>
    internal V1.QmDisk? Disk { get; init; }

    /// <summary>Since when its agent has been held to its pace; null while it says no more than it may, or does for a moment only.</summary>
    internal DateTimeOffset? HeldSince { get; init; }
}

/// <summary>What a node uses, as last heard.</summary>
/// <param name="Usage">All of it, put together from what was told; not to be changed.</param>
/// <param name="ReceivedAt">When the last change of it arrived.</param>
internal sealed record AgentUsage(V1.Usage Usage, DateTimeOffset ReceivedAt)
{
    /// <summary>When it was last read on the node, as far as the node said, and was so.</summary>
    internal DateTimeOffset ReadAt { get; init; } = ReceivedAt;
}

/// <summary>The agent extensions that dialled in, by node. Safe for any thread.</summary>
internal interface IAgentLinks
{
    /// <summary>A node was connected, is gone, or reported, or the health that a probe tells changed; signs of life and usage are none. Handlers only enqueue: they run on the link's own reader.</summary>
    event Action<string>? Changed;

    /// <summary>A node told what it uses. Handlers only enqueue.</summary>
    event Action<string>? Measured;

    /// <summary>The newest report, kept when the link is lost; null when there never was one.</summary>
    AgentReport? LastReport(string node);

    /// <summary>When the node's agent was last heard, kept when the link is lost; null when it never was.</summary>
    AgentPulse? Pulse(string node);

    /// <summary>What QM and its containers use, kept when the link is lost; null when it was never told.</summary>
    AgentUsage? Usage(string node);

    /// <summary>What the node's probes say, by unit; empty while its agent is not heard, because then nobody knows.</summary>
    IReadOnlyDictionary<string, ProbeReading> Probes(string node);

    /// <summary>Whether the node's agent is being heard now.</summary>
    bool IsConnected(string node);

    /// <summary>When <see cref="IsConnected"/> last changed; null for a node that never dialled in.</summary>
    DateTimeOffset? Since(string node);

    /// <summary>Sends one command and waits for its result; commands of one node run one after another, in the order asked.</summary>
    /// <param name="node">BlueChi's node name of the host.</param>
    /// <param name="command">What to do; the link sets its id.</param>
    /// <param name="deadline">Longest wait for the turn, the sending and the result together.</param>
    /// <param name="ct">Ends the wait, not the command.</param>
    /// <exception cref="AgentUnreachableException">Nothing was sent: there is no link, or too many commands wait for it.</exception>
    /// <exception cref="OutcomeUnknownException">It was sent, and the link was lost or the deadline passed before the result.</exception>
    Task<V1.CommandResult> SendAsync(string node, V1.Command command, TimeSpan deadline, CancellationToken ct);
}

/// <summary>A command did not reach the node's agent, so it had no effect.</summary>
/// <param name="node">The node.</param>
/// <param name="message">Why, and what to do.</param>
internal class AgentUnreachableException(string node, string message) : Exception(message)
{
    /// <summary>The node.</summary>
    public string Node { get; } = node;
}

/// <summary>A command was sent and its result never came: it may or may not have had its effect, so look before asking again.</summary>
/// <param name="node">The node.</param>
/// <param name="message">Why, and what to do.</param>
internal sealed class OutcomeUnknownException(string node, string message) : AgentUnreachableException(node, message);
