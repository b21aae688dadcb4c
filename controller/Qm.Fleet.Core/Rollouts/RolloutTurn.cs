using System.Collections.Immutable;

namespace Qm.Fleet.Core.Rollouts;

/// <summary>One turn of the engine: what changes, and why what does not is held. Only what changes is made anew.</summary>
internal sealed partial class RolloutTurn(
    RolloutState state, RolloutPolicy policy, IReadOnlyDictionary<string, RolloutNode> nodes, DateTimeOffset now, RolloutDecision? before,
    IReadOnlyDictionary<string, RolloutNode>? beside)
{
    private readonly ImmutableSortedDictionary<string, RolloutMember> _before = state.Members;
    private readonly ImmutableSortedDictionary<string, RolloutMember>.Builder _members = state.Members.ToBuilder();
    private readonly RolloutHolds _holds = new(before?.Holds ?? RolloutHolds.None);
    private readonly ImmutableArray<RolloutNotice>.Builder _notices = ImmutableArray.CreateBuilder<RolloutNotice>(0);
    private RolloutGroups _groups = before?.Groups ?? RolloutGroups.None;
    private RolloutState _state = state;

    private bool IsLast => _state.Batch >= policy.Batches.Length;

    /// <summary>Nodes that came and went.</summary>
    internal void Join()
    {
        foreach (var (name, _) in _before)
        {
            if (!nodes.ContainsKey(name))
            {
                _members.Remove(name);
            }
        }

        foreach (var (name, node) in nodes)
        {
            // What it goes back to can only be told from the node itself.
            if (node.IsKnown && !_before.ContainsKey(name))
            {
                _members[name] = new(MemberState.Waiting, now, node.Revision == _state.To ? "" : node.Revision);
            }
        }
    }

    /// <summary>What the nodes tell.</summary>
    internal void Observe()
    {
        foreach (var (name, member) in _members.ToImmutable())
        {
            Set(name, member, RolloutHealth.Observe(member, nodes[name], _state, policy, now));
        }
    }

    /// <summary>What that means for the batch, and for the rollout.</summary>
    internal void Judge()
    {
        if (_state.Phase == RolloutPhase.RollingBack && !_members.Any(static member => member.Value.State is MemberState.Leaving or MemberState.Returning))
        {
            End(RolloutPhase.RolledBack, $"went back, because {_state.Reason}");
        }

        while (_state is { Phase: RolloutPhase.Progressing, Stop: null } && JudgeBatch())
        {
        }

        if (_state is { Phase: RolloutPhase.Progressing, Stop: null } && IsLast && nodes.Count > 0 && _members.Count == nodes.Count && _members.All(static member => member.Value.IsSettled))
        {
            if (TooMany(_members.Count(member => IsHeldAgainst(member.Key, member.Value)), _members.Count))
            {
                Fail(Describe(null));
            }
            else
            {
                var failed = Describe(null);
                End(RolloutPhase.Succeeded, failed.Length == 0 ? "every value was read back as wanted" : $"as far as its policy asks; {failed}");
            }
        }
    }

    /// <summary>Who may begin: first those that go back, then batch after batch, and those of none last.</summary>
    internal void Admit()
    {
        using var budget = new RolloutBudget(policy, nodes, _members, _groups, _state.IsRemoval, beside);
        var members = _members.ToImmutable();
        var first = int.MaxValue;
        foreach (var (name, member) in members)
        {
            if (member.State == MemberState.Leaving)
            {
                Begin(name, member, MemberState.Returning, nodes[name].CanMove ? budget.Take(name, nodes[name]) : Unreachable(name, nodes[name]));
            }
            else if (member.State == MemberState.Waiting)
            {
                first = Math.Min(first, Turn(member));
            }
        }

        _prefetch = Prefetch(members);
        var mayBegin = _state.Phase is RolloutPhase.Progressing or RolloutPhase.Succeeded;
        for (var turn = first; turn < int.MaxValue;)
        {
            var next = int.MaxValue;
            foreach (var (name, member) in members)
            {
                if (member.State != MemberState.Waiting || Turn(member) < turn)
                {
                    continue;
                }

                if (Turn(member) > turn)
                {
                    next = Math.Min(next, Turn(member));
                    continue;
                }

                var node = nodes[name];
                var hold = mayBegin ? Held(name, member, node) ?? budget.Take(name, node) : Ended();
                Begin(name, hold is null ? member with { Mark = node.Health } : member, MemberState.Moving, hold);
            }

            turn = next;
        }

        _groups = budget.Groups;

        // A batch number is far below.
        static int Turn(RolloutMember member) => member.Batch ?? int.MaxValue - 1;
    }

    internal RolloutDecision Decide()
    {
        var members = _members.ToImmutable();
        var after = ReferenceEquals(members, _state.Members) ? _state : _state with { Members = members };
        DateTimeOffset? wake = null;
        foreach (var (name, member) in members)
        {
            Earlier(RolloutHealth.Wake(member, nodes[name], policy));
            // What holds one that has not begun was noted when it was not let begin.
            if (member.State is not (MemberState.Waiting or MemberState.Leaving))
            {
                _holds.Set(name, Underway(name, member, nodes[name]));
            }
        }

        var holds = _holds.Of(members);
        foreach (var (_, hold) in holds)
        {
            Earlier(hold.Until);
        }

        return new(after, holds, _notices.ToImmutable(), Message(holds), wake) { Groups = _groups };

        void Earlier(DateTimeOffset? at) => wake = at > now && (wake is null || at < wake) ? at : wake;
    }

    private void Fail(string reason)
    {
        var goesBack = policy.OnFailure != OnFailure.Pause;
        _state = _state with { Phase = goesBack ? RolloutPhase.RollingBack : RolloutPhase.Paused, Reason = reason };
        _notices.Add(new($"Rollout{_state.Phase}", "", reason, IsBad: true));
        if (!goesBack)
        {
            return;
        }

        foreach (var (name, member) in _members.ToImmutable())
        {
            if (member.State is MemberState.Moving or MemberState.Soaking or MemberState.Done && (policy.OnFailure == OnFailure.Rollback || member.Batch == _state.Batch))
            {
                Set(name, member, member.Leave(now));
            }
        }
    }

    private void End(RolloutPhase phase, string reason)
    {
        _state = _state with { Phase = phase, Reason = reason };
        _notices.Add(new($"Rollout{phase}", "", reason, IsBad: phase == RolloutPhase.RolledBack));
    }

    private void Begin(string name, RolloutMember member, MemberState state, RolloutHold? hold)
    {
        _holds.Set(name, hold);
        if (hold is null)
        {
            Set(name, member, member.To(state, now));
        }
    }

    private void Set(string name, RolloutMember was, RolloutMember member)
    {
        if (ReferenceEquals(was, member))
        {
            return;
        }

        _members[name] = member;
        if (member.State == MemberState.Waiting && was.State == MemberState.Moving)
        {
            _notices.Add(new("NodePostponed", name, $"had its turn, and nothing was done to it: {nodes[name].Reason}"));
        }
        else if (member.State != was.State && (member.HasFailed && !was.HasFailed || member.State is MemberState.Returned or MemberState.Stuck))
        {
            _notices.Add(member.State switch
            {
                MemberState.Returned when was.State is MemberState.Leaving or MemberState.Returning => new("NodeReturned", name, $"has {member.Base} again"),
                MemberState.Stuck when member.Base.Length == 0 => new("NodeStuck", name, $"there is nothing to go back to; {(member.HasFailed ? member.Failure : _state.Reason)}", IsBad: true),
                MemberState.Stuck => new("NodeStuck", name, member.Failure, IsBad: true),
                _ => new("RevisionFailed", name, $"revision {_state.To}: {member.Failure}", IsBad: true),
            });
        }
    }

    private bool IsHeldAgainst(string name, RolloutMember member) => member.HasFailed && !_state.Forgiven.Contains(name);

    private bool TooMany(int failed, int nodes) => failed > nodes - new Amount(policy.SuccessThreshold, true).AtLeastOf(nodes);

    // All that failed, or those of one batch that were counted.
    private string Describe(int? batch) => string.Join("; ", _members
        .Where(member => member.Value.HasFailed && (batch is null || (member.Value.Batch == batch && IsCounted(member.Key, member.Value))))
        .Select(member => $"{member.Key} failed: {member.Value.Failure}"));

    private static string Names(IReadOnlyCollection<string> names) => names.Count < 5 ? string.Join(", ", names) : $"{names.Count} nodes";
}
