namespace Qm.Fleet.Agent.Rootfs;

/// <summary>Where QM's own <c>/etc</c> and the one of a slot differ: what QM keeps although the new rootfs brings something else.</summary>
/// <param name="Paths">As QM sees them, the first <see cref="PathsMax"/>.</param>
/// <param name="Count">How many there are.</param>
internal sealed record EtcDifferences(IReadOnlyList<string> Paths, int Count)
{
    public const int PathsMax = 100;

    public static EtcDifferences None { get; } = new([], 0);
}
