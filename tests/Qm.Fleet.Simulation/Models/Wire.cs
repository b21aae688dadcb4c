namespace Qm.Fleet.Simulation.Models;

/// <summary>What a node's connection to bluechi-controller lets through.</summary>
internal enum Wire
{
    /// <summary>Everything.</summary>
    Whole,

    /// <summary>Nothing.</summary>
    Cut,

    /// <summary>Nothing to the node: it tells that it lives, and does not do what it is told until this is over.</summary>
    Deaf,

    /// <summary>Nothing from the node: it does what it is told, and is believed to be dead.</summary>
    Mute,
}
