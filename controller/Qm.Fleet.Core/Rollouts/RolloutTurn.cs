using System.Collections.Immutable;

namespace Qm.Fleet.Core.Rollouts;

/// <summary>One turn of the engine: what changes, and why what does not is held.</summary>
internal sealed class RolloutTurn(RolloutState state, RolloutPolicy policy, IReadOnlyDictionary<string, RolloutNode> nodes, DateTimeOffset now)
{
    private readonly ImmutableSortedDictionary<string, RolloutMember> _before = state.Members;
    private readonly ImmutableSortedDictionary<string, RolloutMember>.Builder _members = state.Members.ToBuilder();
    private readonly ImmutableSortedDictionary<string, RolloutHold>.Builder _holds = ImmutableSortedDictionary.CreateBuilder<string, RolloutHold>(StringComparer.Ordinal);
    private readonly ImmutableArray<RolloutNotice>.Builder _notices = ImmutableArray.CreateBuilder<RolloutNotice>();
    private RolloutState _state = state;
    private string _waits = "";
    private RolloutHold? _prefetch;
    private RolloutHold? _batch;

    private bool IsLast => _state.Batch >= policy.Batches.Length;

    /// <summary>Nodes that came and went.</summary>
    internal void Join()
    {
        foreach (var gone in _before.Keys.Where(name => !nodes.ContainsKey(name)))
        {
            _members.Remove(gone);
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
        foreach (var (name, member) in _members.ToArray())
        {
            Set(name, member, RolloutHealth.Observe(member, nodes[name], _state, policy, now));
        }
    }

    /// <summary>What that means for the batch, and for the rollout.</summary>
    internal void Judge()
    {
        if (_state.Phase == RolloutPhase.RollingBack && !_members.Values.Any(member => member.State is MemberState.Leaving or MemberState.Returning))
        {
            End(RolloutPhase.RolledBack, $"went back, because {_state.Reason}");
        }

        while (_state is { Phase: RolloutPhase.Progressing, Stop: null } && JudgeBatch())
        {
        }

        if (_state is { Phase: RolloutPhase.Progressing, Stop: null } && IsLast && nodes.Count > 0 && _members.Count == nodes.Count && _members.Values.All(member => member.IsSettled))
        {
            var failed = _members.Where(member => member.Value.HasFailed).ToArray();
            if (TooMany(failed, _members.Count))
            {
                Fail(Describe(failed));
            }
            else
            {
                End(RolloutPhase.Succeeded, failed.Length == 0 ? "every value was read back as wanted" : $"as far as its policy asks; {Describe(failed)}");
            }
        }
    }

    /// <summary>Who may begin.</summary>
    internal void Admit()
    {
        var budget = new RolloutBudget(policy, nodes, name => _members.TryGetValue(name, out var member) && member.IsInTheAir);
        foreach (var (name, member) in _members.Where(entry => entry.Value.State == MemberState.Leaving).ToArray())
        {
            Begin(name, member, MemberState.Returning, nodes[name].CanMove ? budget.Take(nodes[name]) : Unreachable(nodes[name]));
        }

        _prefetch = Prefetch();
        var mayBegin = _state.Phase is RolloutPhase.Progressing or RolloutPhase.Succeeded;
        foreach (var (name, member) in _members.Where(entry => entry.Value.State == MemberState.Waiting)
            .OrderBy(entry => entry.Value.Batch ?? int.MaxValue).ThenBy(entry => entry.Key, StringComparer.Ordinal).ToArray())
        {
            var node = nodes[name];
            Begin(name, member with { Mark = node.Health }, MemberState.Moving, !mayBegin ? new("Paused", _state.Reason, "resume, or another apply") : Held(member, node) ?? budget.Take(node));
        }
    }

    internal RolloutDecision Decide()
    {
        var members = _members.ToImmutable();
        var after = ReferenceEquals(members, _state.Members) ? _state : _state with { Members = members };
        foreach (var (name, member) in members)
        {
            if (!_holds.ContainsKey(name) && Underway(member, nodes[name]) is { } hold)
            {
                _holds[name] = hold;
            }
        }

        var holds = _holds.ToImmutable();
        var wake = members.Select(member => RolloutHealth.Wake(member.Value, nodes[member.Key], policy)).Concat(holds.Values.Select(hold => hold.Until)).Where(at => at > now).Min();
        return new(after, holds, _notices.ToImmutable(), Message(holds), wake);
    }

    // Closes a batch that is done and opens the next; true when it did.
    private bool JudgeBatch()
    {
        if (_state.Batch < 0)
        {
            return Open(0);
        }

        if (IsLast)
        {
            return false;
        }

        var batch = _members.Where(member => member.Value.Batch == _state.Batch).ToArray();
        var counted = batch.Where(member => member.Value.State != MemberState.Waiting || nodes[member.Key].CanMove).ToArray();
        var failed = counted.Where(member => member.Value.HasFailed).ToArray();
        if (TooMany(failed, counted.Length))
        {
            Fail(Describe(failed));
            return false;
        }

        if (batch.Length > 0 && counted.Length == 0)
        {
            // Who was not looked at yet may well be there.
            if (batch.All(member => nodes[member.Key] is { Cordoned: true } or { Availability: Availability.Away }) && Fill(_state.Batch))
            {
                return false;
            }

            _waits = $"batch {_state.Batch + 1} waits for one of {string.Join(", ", batch.Select(member => member.Key))}";
            return false;
        }

        return counted.All(member => member.Value.IsSettled || member.Value.HasFailed) && Open(_state.Batch + 1);
    }

    // A batch of which no node can be reached takes others that would fit it, so that they do not wait for what may never come.
    private bool Fill(int number)
    {
        var batch = policy.Batches[number];
        var others = _members.Where(member => member.Value is { State: MemberState.Waiting, HasFailed: false } && (member.Value.Batch ?? int.MaxValue) > number
            && nodes[member.Key] is { CanMove: true } node && (batch.Select?.Matches(node.Labels) ?? true)).Take(batch.Limit.AtLeastOf(nodes.Count)).ToArray();
        foreach (var (name, member) in others)
        {
            _members[name] = member with { Batch = number };
        }

        return others.Length > 0;
    }

    private bool TooMany(IEnumerable<KeyValuePair<string, RolloutMember>> failed, int nodes) =>
        failed.Count(member => !_state.Forgiven.Contains(member.Key)) > nodes - new Amount(policy.SuccessThreshold, true).AtLeastOf(nodes);

    private static string Describe(IEnumerable<KeyValuePair<string, RolloutMember>> failed) =>
        string.Join("; ", failed.Select(member => $"{member.Key} failed: {member.Value.Failure}"));

    private bool Open(int number)
    {
        if (number < policy.Batches.Length)
        {
            var batch = policy.Batches[number];
            var left = _members.Where(member => member.Value.Batch is null && (batch.Select?.Matches(nodes[member.Key].Labels) ?? true)).ToArray();
            if (nodes.Count > 0 && _members.Count < nodes.Count && _state.Batch < 0 && left.Length == 0)
            {
                // Right after a start, before anything was heard.
                _waits = "no node was heard yet";
                return false;
            }

            // Who was not looked at yet may well be there.
            foreach (var (name, member) in left.OrderBy(member => nodes[member.Key] is { Cordoned: true } or { Availability: Availability.Away }).ThenBy(member => member.Key, StringComparer.Ordinal).Take(batch.Limit.AtLeastOf(nodes.Count)))
            {
                _members[name] = member with { Batch = number };
            }

            if (policy.Batches.Length > 1)
            {
                var taken = _members.Where(member => member.Value.Batch == number).Select(member => member.Key).ToArray();
                _notices.Add(new("BatchStarted", "", $"batch {number + 1} of {policy.Batches.Length} ({batch}): {(taken.Length > 0 ? Names(taken) : "0 nodes")}"));
            }
        }

        _state = _state with { Batch = number, BatchSince = now };
        return true;
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

        foreach (var (name, member) in _members.ToArray())
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
        if (hold is null)
        {
            Set(name, member, member.To(state, now));
        }
        else
        {
            _holds[name] = hold;
        }
    }

    private void Set(string name, RolloutMember was, RolloutMember member)
    {
        if (ReferenceEquals(was, member))
        {
            return;
        }

        _members[name] = member;
        if (member.State != was.State && (member.HasFailed && !was.HasFailed || member.State is MemberState.Returned or MemberState.Stuck))
        {
            _notices.Add(member.State switch
            {
                MemberState.Returned when was.State == MemberState.Returning => new("NodeReturned", name, $"has {member.Base} again"),
                MemberState.Stuck when member.Base.Length == 0 => new("NodeStuck", name, $"there is nothing to go back to; {(member.HasFailed ? member.Failure : _state.Reason)}", IsBad: true),
                MemberState.Stuck => new("NodeStuck", name, member.Failure, IsBad: true),
                _ => new("RevisionFailed", name, $"revision {_state.To}: {member.Failure}", IsBad: true),
            });
        }
    }

    private RolloutHold? Held(RolloutMember member, RolloutNode node)
    {
        if (!node.CanMove)
        {
            return Unreachable(node);
        }

        if (_state.Stop is { } stop)
        {
            return new("Paused", stop.ToString(), "resume");
        }

        if (_state.Phase == RolloutPhase.Progressing && !IsLast && (member.Batch ?? policy.Batches.Length - 1) > _state.Batch)
        {
            return _batch ??= new("Batch", $"batch {_state.Batch + 1} of {policy.Batches.Length} goes first", "the end of that batch");
        }

        if (node.Staged != _state.To && node.Revision != _state.To)
        {
            return new("Staging", node.Target == _state.To ? node.Reason : "the revision is not staged yet", "the agent extension staging it");
        }

        // One that is down already loses nothing by going first.
        if (node.Availability >= Availability.Unregistered && _prefetch is { } prefetch)
        {
            return prefetch;
        }

        if (node.Blocked is { } blocked)
        {
            return new("Precondition", blocked, "that precondition");
        }

        if (policy.Windows.Length > 0 && !policy.Windows.Any(window => window.IsOpen(now)))
        {
            var opens = policy.Windows.Min(window => window.Opens(now));
            return new("Window", $"no maintenance window is open ({string.Join(", ", policy.Windows)})", "a window opening", opens);
        }

        return null;
    }

    // The revision comes everywhere before the first node is disrupted, so that what cannot be had is known by then; a slow node holds this up for a while only.
    private RolloutHold? Prefetch()
    {
        if (_state is not { Phase: RolloutPhase.Progressing, Batch: <= 0 } || _members.Values.Any(HasBegun))
        {
            return null;
        }

        var missing = _members.Where(member => IsStaging(member.Value, nodes[member.Key])).ToArray();
        return missing.Length == 0 ? null : new(
            "Prefetch", $"the revision is staged everywhere first; still without it: {Names([.. missing.Select(member => member.Key)])}",
            "the agent extensions there staging it", missing.Max(member => member.Value.Since) + policy.Deadline);
    }

    // What has the revision without having had another has not been moved.
    private static bool HasBegun(RolloutMember member) => member.IsInTheAir || (member.State is MemberState.Soaking or MemberState.Done && member.Base.Length > 0);

    // Who was not looked at since the rollout began is about to be.
    private bool IsStaging(RolloutMember member, RolloutNode node) =>
        member is { State: MemberState.Waiting, HasFailed: false } && (node.CanMove || node is { IsKnown: false, Cordoned: false, Availability: Availability.Unheard })
        && node.Staged != _state.To && node.Revision != _state.To && now < member.Since + policy.Deadline;

    private static string Names(string[] names) => names.Length < 5 ? string.Join(", ", names) : $"{names.Length} nodes";

    private static RolloutHold Unreachable(RolloutNode node) => node switch
    {
        { Cordoned: true } => new("Cordoned", "the node is cordoned", "uncordon"),
        { Availability: Availability.Unheard } => new("Unheard", node.Reason, "hearing of the node"),
        _ => new("Offline", node.Reason, "the node coming back"),
    };

    private RolloutHold? Underway(RolloutMember member, RolloutNode node) => member.State switch
    {
        MemberState.Moving => new("Moving", node.Reason, "the node being Ready", RolloutHealth.Begin(member, node) + policy.Deadline),
        MemberState.Soaking when member.HealthySince is { } since => new("Soaking", "it has the revision, and has to stay healthy", $"staying healthy for {RolloutHealth.Span(since + policy.Soak - now)}", since + policy.Soak),
        MemberState.Soaking => new("Soaking", node.Reason, "the node being Ready again", RolloutHealth.Begin(member, node) + policy.Soak + policy.Deadline),
        MemberState.Returning => new("Returning", node.Reason, "the node being Ready with what it had before"),
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

        var first = holds.OrderBy(hold => Rank(hold.Value.Gate)).FirstOrDefault();
        return _waits.Length > 0 ? _waits
            : nodes.Count == 0 ? "no node matches the selector"
            : first.Key is { } name ? $"{(first.Value.Gate is "Moving" or "Soaking" ? "" : "waits for ")}{name}: {first.Value.Reason}"
            : "no node was heard yet";
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
