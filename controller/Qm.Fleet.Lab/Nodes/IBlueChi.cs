namespace Qm.Fleet.Lab.Nodes;

/// <summary>The BlueChi controller as an agent sees it.</summary>
internal interface IBlueChi
{
    /// <summary>Registers a node. Answers the connection, whose end takes the node offline, or null when the name is not allowed or taken.</summary>
    IDisposable? TryRegister(string nodeName, EmulatedSystemd systemd);
}
