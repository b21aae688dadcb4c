using Qm.Fleet.Lab.BlueChi;
using Qm.Fleet.Lab.Nodes;

namespace Qm.Fleet.Lab.Agents;

/// <summary>
/// The agents of a lab's nodes and their links to bluechi-controller, emulated or real, as faults reach them. Nodes are named as BlueChi does, <c>ecu2</c>
/// or <c>qm.ecu2</c>; a name that no living agent has throws <see cref="InvalidOperationException"/>.
/// </summary>
internal interface IAgentLinks : IBlueChi
{
    /// <summary>Calls that change something on nodes.</summary>
    CallCounters Counters { get; }

    /// <summary>Stops an agent as SIGSTOP does: what it is sent waits, and is carried out when it goes on. Ends once it stands still.</summary>
    Task FreezeAsync(string node);

    /// <summary>Lets a frozen agent go on.</summary>
    Task ThawAsync(string node);

    /// <summary>Cuts the link to an agent until it is healed; the agent lives on.</summary>
    /// <param name="node">The agent's node.</param>
    /// <param name="dataInFlight">Whether nobody notices, and what is sent arrives when the link heals; otherwise both sides lose the connection now.</param>
    Task CutAsync(string node, bool dataInFlight = false);

    /// <summary>Makes a cut link whole. An agent that survived does not tell again what it told before.</summary>
    Task HealAsync(string node);

    /// <summary>Whether the agent of a node is frozen, and whether its link is cut, noticed or not.</summary>
    (bool Frozen, bool Cut, bool DataInFlight) LinkOf(string node);

    /// <summary>Has an agent tell the properties of units it is subscribed to, though nothing changed. Nothing is told of a node that cannot be heard.</summary>
    /// <param name="node">The agent's node.</param>
    /// <param name="signals">How many signals.</param>
    void Chatter(string node, int signals);
}
