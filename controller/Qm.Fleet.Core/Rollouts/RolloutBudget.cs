namespace Qm.Fleet.Core.Rollouts;

/// <summary>How many nodes may be down at once, in each group; nodes that are down for any reason count.</summary>
internal sealed class RolloutBudget
{
    private readonly RolloutPolicy _policy;
    private readonly Dictionary<string, (int Size, int Down)> _groups = new(StringComparer.Ordinal);
    private readonly Dictionary<string, RolloutHold> _full = new(StringComparer.Ordinal);

    internal RolloutBudget(RolloutPolicy policy, IReadOnlyDictionary<string, RolloutNode> nodes, Func<string, bool> isInTheAir)
    {
        _policy = policy;
        foreach (var (name, node) in nodes)
        {
            var group = GroupOf(node);
            var (size, down) = _groups.GetValueOrDefault(group);
            _groups[group] = (size + 1, down + (IsDown(node, isInTheAir(name)) ? 1 : 0));
        }
    }

    /// <summary>Takes a place for a node that is about to go down; one whose QM does not run has its place already.</summary>
    /// <remarks>
    /// BlueChi has not heard of any QM yet when it starts, while all of them run: one that runs unheard has its place, too, but may go only where the
    /// others leave room.
    /// </remarks>
    /// <returns>Null when there was room, else what holds it.</returns>
    internal RolloutHold? Take(RolloutNode node)
    {
        if (node.Availability < Availability.Unregistered)
        {
            return null;
        }

        var group = GroupOf(node);
        var (size, down) = _groups[group];
        var room = _policy.MaxUnavailable.AtMostOf(size);
        var more = node.Availability == Availability.Serving ? 1 : 0;
        if (down + more <= room)
        {
            _groups[group] = (size, down + more);
            return null;
        }

        // Once a group is full it stays so for this turn.
        return _full.TryGetValue(group, out var known) ? known : _full[group] = Full(group, size, down, room);
    }

    private RolloutHold Full(string group, int size, int down, int room)
    {
        var where = group.Length == 0 ? "the fleet" : $"{_policy.BudgetPer}={group}";
        return room == 0
            ? new("Budget", $"maxUnavailable {_policy.MaxUnavailable} of the {size} nodes of {where} is 0, so none may ever go down", "a larger maxUnavailable", Never: true)
            : new("Budget", $"{down} of the {size} nodes of {where} are down, and maxUnavailable {_policy.MaxUnavailable} allows {room}", "one of them coming back");
    }

    private static bool IsDown(RolloutNode node, bool isInTheAir) => isInTheAir || node.Availability != Availability.Serving;

    private string GroupOf(RolloutNode node) => _policy.BudgetPer.Length == 0 ? "" : node.Labels.GetValueOrDefault(_policy.BudgetPer) ?? "";
}
