namespace Qm.Fleet.Core.Reconcile;

/// <summary>Finds out that people asked for another try of a revision that a node went back from: its failure was known, and no longer is.</summary>
/// <remarks>The node itself forgets the revision once it is staged again; until then what it says of it is old.</remarks>
/// <param name="Failed">The wanted revision, while it is known to have failed.</param>
/// <param name="Retried">The wanted revision, from the end of that until the node has forgotten.</param>
public sealed record RetryMemory(string? Failed = null, string? Retried = null)
{
    /// <summary>Notes one look at the node.</summary>
    /// <param name="desired">The wanted revision; null when none is.</param>
    /// <param name="isKnownBad">Whether it is known to have failed on the node.</param>
    /// <param name="reverted">The revision the node says it went back from; null when none, or when the node is not heard.</param>
    public RetryMemory After(string? desired, bool isKnownBad, string? reverted) =>
        desired is null ? new()
        : isKnownBad ? new(Failed: desired)
        : new(Retried: (Failed ?? Retried) == desired && reverted == desired ? desired : null);
}
