namespace Qm.Fleet.BlueChi.Monitors;

/// <summary>A set of units that BlueChi tells of; disposing of it closes it.</summary>
/// <remarks>
/// BlueChi tells everything as often as subscriptions of one monitor overlap, so they are kept disjoint: what is covered already is not subscribed
/// again, and what a wider subscription covers is given up.
/// </remarks>
public interface IMonitor : IAsyncDisposable
{
    /// <summary>BlueChi's number, for <see cref="IBlueChi.JoinMonitorAsync"/>; void when BlueChi restarts.</summary>
    uint Id { get; }

    /// <summary>Has units told of.</summary>
    /// <param name="node">A node name, or <c>*</c> for all.</param>
    /// <param name="units">Full unit names, or the one name <c>*</c> for all; no other patterns.</param>
    /// <param name="ct">Ends the wait.</param>
    /// <returns>What to dispose of when they are no longer of interest; units that others here still want are told of on.</returns>
    /// <exception cref="UnknownNodeException">BlueChi does not allow such a node, and would have said nothing.</exception>
    Task<IAsyncDisposable> SubscribeAsync(string node, IReadOnlyList<string> units, CancellationToken ct);

    /// <summary>Has everything told to another connection, too.</summary>
    /// <param name="uniqueName">Its unique name on the bus.</param>
    /// <param name="ct">Ends the wait.</param>
    /// <returns>The number to remove it by.</returns>
    /// <exception cref="RefusedException">It is no name, or added already.</exception>
    Task<uint> AddPeerAsync(string uniqueName, CancellationToken ct);

    /// <summary>Has nothing more told to another connection.</summary>
    /// <param name="peer">What adding it gave.</param>
    /// <param name="reason">What it is told as the reason.</param>
    /// <param name="ct">Ends the wait.</param>
    Task RemovePeerAsync(uint peer, string reason, CancellationToken ct);
}
