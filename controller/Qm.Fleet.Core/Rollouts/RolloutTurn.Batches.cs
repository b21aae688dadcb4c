namespace Qm.Fleet.Core.Rollouts;

/// <summary>One batch after the other.</summary>
internal sealed partial class RolloutTurn
{
    private string _waits = "";

    // One that has not begun and cannot is not waited for.
    private bool IsCounted(string name, RolloutMember member) => member.State != MemberState.Waiting || nodes[name].CanMove;

    // Who was not looked at yet may well be there.
    private static bool IsOutOfReach(RolloutNode node) => node is { Cordoned: true } or { Availability: Availability.Away };

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

        var (taken, counted, failed, busy, outOfReach) = (0, 0, 0, 0, 0);
        foreach (var (name, member) in _members)
        {
            if (member.Batch != _state.Batch)
            {
                continue;
            }

            taken++;
            outOfReach += IsOutOfReach(nodes[name]) ? 1 : 0;
            if (IsCounted(name, member))
            {
                counted++;
                failed += IsHeldAgainst(name, member) ? 1 : 0;
                busy += member.IsSettled || member.HasFailed ? 0 : 1;
            }
        }

        if (TooMany(failed, counted))
        {
            Fail(Describe(_state.Batch));
            return false;
        }

        if (taken > 0 && counted == 0)
        {
            if (outOfReach < taken || !Fill(_state.Batch))
            {
                _waits = $"batch {_state.Batch + 1} waits for one of {string.Join(", ", _members.Where(member => member.Value.Batch == _state.Batch).Select(member => member.Key))}";
            }

            return false;
        }

        return busy == 0 && Open(_state.Batch + 1);
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

            foreach (var (name, member) in left.OrderBy(member => IsOutOfReach(nodes[member.Key])).ThenBy(member => member.Key, StringComparer.Ordinal).Take(batch.Limit.AtLeastOf(nodes.Count)))
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
}
