using Qm.Fleet.Lab.Nodes;

namespace Qm.Fleet.Lab.Control;

/// <summary>The agent extensions of a lab's nodes and their links to the controller, as faults reach them. Where all share one process, each throws <see cref="InvalidOperationException"/>.</summary>
internal interface IExtensions
{
    /// <summary>Kills the extension of a node as SIGKILL does; nobody starts it until it is revived.</summary>
    Task KillAsync(EmulatedNode node);

    /// <summary>Starts the extension of a node that was killed.</summary>
    Task ReviveAsync(EmulatedNode node);

    /// <summary>Cuts the link of an extension until it is healed: both sides lose the connection now, and there is no other; the extension lives on.</summary>
    void Cut(EmulatedNode node);

    /// <summary>Makes a cut link whole.</summary>
    void Heal(EmulatedNode node);

    /// <summary>Whether the extension of a node was killed, and whether its link is cut.</summary>
    (bool Killed, bool Cut) StateOf(EmulatedNode node);
}
