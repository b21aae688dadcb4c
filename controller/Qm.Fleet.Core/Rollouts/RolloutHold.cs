using System.Collections.Immutable;

namespace Qm.Fleet.Core.Rollouts;

/// <summary>What holds something up.</summary>
/// <param name="Gate">A CamelCase word: Paused, Batch, Cordoned, Offline, Unheard, Staging, Prefetch, Precondition, Window, Budget, Moving, Soaking, Returning.</param>
/// <param name="Reason">A sentence.</param>
/// <param name="Release">A sentence: what would release it.</param>
/// <param name="Until">When it ends by itself at the latest; null when that is not known.</param>
/// <param name="Never">Whether it does not end by itself: only what <paramref name="Release"/> says, done by somebody, ends it.</param>
public sealed record RolloutHold(string Gate, string Reason, string Release, DateTimeOffset? Until = null, bool Never = false);

/// <summary>A precondition that does not hold.</summary>
/// <param name="Reason">A sentence.</param>
/// <param name="Never">Whether it cannot hold as things are, such as one on a unit that does not exist.</param>
public sealed record UnmetPrecondition(string Reason, bool Never);

/// <summary>What holds up each node, with only that made anew which is not as it was a turn before.</summary>
/// <param name="before">What it was; only saves making the same again.</param>
internal sealed class RolloutHolds(ImmutableSortedDictionary<string, RolloutHold> before)
{
    private readonly ImmutableSortedDictionary<string, RolloutHold>.Builder _holds = before.ToBuilder();

    internal static ImmutableSortedDictionary<string, RolloutHold> None { get; } = ImmutableSortedDictionary.Create<string, RolloutHold>(StringComparer.Ordinal);

    /// <summary>A hold of one node, the one of the turn before where it says the same.</summary>
    internal RolloutHold Make(string name, string gate, string reason, string release, DateTimeOffset? until = null, bool never = false) =>
        before.TryGetValue(name, out var known) && known.Gate == gate && known.Reason == reason && known.Release == release && known.Until == until && known.Never == never
            ? known : new(gate, reason, release, until, never);

    /// <summary>Notes what holds a node; null for nothing.</summary>
    internal void Set(string name, RolloutHold? hold)
    {
        if (hold is null)
        {
            _holds.Remove(name);
        }
        else if (!_holds.TryGetValue(name, out var known) || known != hold)
        {
            _holds[name] = hold;
        }
    }

    /// <summary>All of them, without nodes that are no longer there.</summary>
    internal ImmutableSortedDictionary<string, RolloutHold> Of(ImmutableSortedDictionary<string, RolloutMember> members)
    {
        if (_holds.Count > 0)
        {
            foreach (var (name, _) in before)
            {
                if (!members.ContainsKey(name))
                {
                    _holds.Remove(name);
                }
            }
        }

        return _holds.ToImmutable();
    }
}
