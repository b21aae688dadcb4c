using Qm.Fleet.BlueChi.Jobs;

namespace Qm.Fleet.BlueChi;

/// <summary>What a signal said about a unit; a hint, for BlueChi makes some of them up.</summary>
/// <param name="ActiveState">As said; empty when it was not said.</param>
/// <param name="SubState">As said; empty when it was not said.</param>
/// <param name="IsVirtual">Whether BlueChi or this client made it up: for a lost or a fresh agent, or because the whole node is worth a look.</param>
public sealed record UnitHint(string ActiveState, string SubState, bool IsVirtual);

/// <summary>Hears of a session; every method must return at once, and only mark what is worth a look.</summary>
public interface IBlueChiObserver
{
    /// <summary>A BlueChi is there; everything known of an earlier one is void and has to be read again.</summary>
    void Connected(IBlueChi blueChi, IReadOnlyList<NodeInfo> nodes);

    /// <summary>It is gone; nothing is known until the next <see cref="Connected"/>.</summary>
    void Disconnected(string reason);

    /// <summary>An agent connected or was lost; everything known of the node is worth another look.</summary>
    void NodeStatusChanged(string node, NodeStatus status);

    /// <summary>A unit may have changed; the unit <c>*</c> is the whole node.</summary>
    void UnitChanged(string node, string unit, UnitHint hint);

    /// <summary>All, some or none of the nodes are connected now.</summary>
    void SystemStatusChanged(SystemStatus status)
    {
    }

    /// <summary>A node tells more than anybody can look at: it is asked now and then instead, and heard again when it is <paramref name="calm"/>.</summary>
    void NodeFloods(string node, int signalsPerSecond, bool calm)
    {
    }

    /// <summary>A command whose outcome was unknown was carried out after all.</summary>
    void LateExecution(LateExecution late)
    {
    }
}
