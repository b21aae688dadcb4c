using System.Collections.Immutable;

namespace Qm.Fleet.Core.Rollouts;

/// <summary>What holds nodes up; what holds many is made once.</summary>
internal sealed partial class RolloutTurn
{
    private RolloutHold? _prefetch;
    private RolloutHold? _batch;
    private RolloutHold? _paused;
    private RolloutHold? _window;

    private bool IsInWindow { get; } = policy.IsOpen(now);

    private RolloutHold Ended() => _paused ??= new("Paused", _state.Reason, "resume, or another apply", Never: true);

    private RolloutHold? Held(string name, RolloutMember member, RolloutNode node)
    {
        if (!node.CanMove)
        {
            return Unreachable(name, node);
        }

        if (_state.Stop is { } stop)
        {
            return _paused ??= new("Paused", stop.ToString(), "resume", Never: true);
        }

        if (_state.Phase == RolloutPhase.Progressing && !IsLast && (member.Batch ?? policy.Batches.Length - 1) > _state.Batch)
        {
            return _batch ??= new("Batch", $"batch {_state.Batch + 1} of {policy.Batches.Length} goes first", "the end of that batch");
        }

        if (node.Staged != _state.To && node.Revision != _state.To)
        {
            return _holds.Make(name, "Staging", node.Target == _state.To ? node.Reason : "the revision is not staged yet", "the agent extension staging it");
        }

        // One that is down already loses nothing by going first.
        if (node.Availability >= Availability.Unregistered && _prefetch is { } prefetch)
        {
            return prefetch;
        }

        return node.Blocked is null ? _window ??= IsInWindow ? null : RolloutEngine.Hold(policy, null, now) : RolloutEngine.Hold(policy, node.Blocked, now);
    }

    // The revision comes everywhere before the first node is disrupted, so that what cannot be had is known by then; a slow node holds this up for a while only.
    private RolloutHold? Prefetch(ImmutableSortedDictionary<string, RolloutMember> members)
    {
        if (_state is not { Phase: RolloutPhase.Progressing, Batch: <= 0 })
        {
            return null;
        }

        var (missing, latest) = (new List<string>(), DateTimeOffset.MinValue);
        foreach (var (name, member) in members)
        {
            if (HasBegun(member))
            {
                return null;
            }

            if (IsStaging(member, nodes[name]))
            {
                missing.Add(name);
                latest = member.Since > latest ? member.Since : latest;
            }
        }

        return missing.Count == 0 ? null : new(
            "Prefetch", $"the revision is staged everywhere first; still without it: {Names(missing)}", "the agent extensions there staging it", latest + policy.Deadline);
    }

    // What has the revision without having had another has not been moved.
    private static bool HasBegun(RolloutMember member) => member.IsInTheAir || (member.State is MemberState.Soaking or MemberState.Done && member.Base.Length > 0);

    // Who was not looked at since the rollout began is about to be.
    private bool IsStaging(RolloutMember member, RolloutNode node) =>
        member is { State: MemberState.Waiting, HasFailed: false } && (node.CanMove || node is { IsKnown: false, Cordoned: false, Availability: Availability.Unheard })
        && node.Staged != _state.To && node.Revision != _state.To && now < member.Since + policy.Deadline;

    private RolloutHold Unreachable(string name, RolloutNode node) => node switch
    {
        { Cordoned: true } => _holds.Make(name, "Cordoned", "the node is cordoned", "uncordon", never: true),
        { Availability: Availability.Unheard } => _holds.Make(name, "Unheard", node.Reason, "hearing of the node"),
        _ => _holds.Make(name, "Offline", node.Reason, "the node coming back"),
    };

    private RolloutHold? Underway(string name, RolloutMember member, RolloutNode node) => member.State switch
    {
        MemberState.Moving => _holds.Make(name, "Moving", node.Reason, "the node being Ready", RolloutHealth.Begin(member, node) + policy.Deadline),
        MemberState.Soaking when member.HealthySince is { } since => _holds.Make(name, "Soaking", "it has the revision, and has to stay healthy", "staying healthy", since + policy.Soak),
        MemberState.Soaking => _holds.Make(name, "Soaking", node.Reason, "the node being Ready again", RolloutHealth.Begin(member, node) + policy.Soak + policy.Deadline),
        MemberState.Returning => _holds.Make(name, "Returning", node.Reason, "the node being Ready with what it had before"),
        _ => null,
    };

    private string Message(ImmutableSortedDictionary<string, RolloutHold> holds)
    {
        if (_state.HasEnded || _state.Phase is RolloutPhase.Paused or RolloutPhase.RollingBack)
        {
            return _state.Reason;
        }

        if (_state.Stop is { } stop)
        {
            return stop.ToString();
        }

        var (first, hold, best) = ("", default(RolloutHold), int.MaxValue);
        foreach (var (name, candidate) in holds)
        {
            if (Rank(candidate.Gate) is var rank && rank < best)
            {
                (first, hold, best) = (name, candidate, rank);
            }
        }

        return _waits.Length > 0 ? _waits
            : nodes.Count == 0 ? "no node matches the selector"
            : hold is null ? "no node was heard yet"
            : $"{(hold.Gate is "Moving" or "Soaking" ? "" : "waits for ")}{first}: {hold.Reason}";
    }

    // What moves tells more than what waits for it.
    private static int Rank(string gate) => gate switch
    {
        "Moving" => 0,
        "Returning" => 1,
        "Soaking" => 2,
        "Budget" => 3,
        "Window" => 4,
        "Precondition" => 5,
        "Staging" or "Prefetch" => 6,
        "Offline" or "Unheard" or "Cordoned" => 7,
        _ => 8,
    };
}
