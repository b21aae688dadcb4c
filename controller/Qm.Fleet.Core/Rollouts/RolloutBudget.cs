using System.Buffers;
using System.Collections.Immutable;
using System.Runtime.InteropServices;

namespace Qm.Fleet.Core.Rollouts;

/// <summary>What a turn knew of the groups of the budget, so that the next need not make the same again.</summary>
/// <param name="MaxUnavailable">The budget.</param>
/// <param name="Per">The label whose values form the groups.</param>
/// <param name="Numbers">The number of each group, from 0; never changed once it is here.</param>
/// <param name="Full">Groups that were full, each with what was said of it.</param>
internal sealed record RolloutGroups(Amount MaxUnavailable, string Per, Dictionary<string, int> Numbers, ImmutableSortedDictionary<string, FullGroup> Full)
{
    internal static RolloutGroups None { get; } = Of(RolloutPolicy.Default);

    internal static RolloutGroups Of(RolloutPolicy policy) =>
        new(policy.MaxUnavailable, policy.BudgetPer, new Dictionary<string, int>(StringComparer.Ordinal), ImmutableSortedDictionary.Create<string, FullGroup>(StringComparer.Ordinal));
}

/// <summary>A group without room.</summary>
/// <param name="Size">How many nodes it has.</param>
/// <param name="Down">How many are down.</param>
/// <param name="Helpless">How many of them stay down until somebody helps.</param>
/// <param name="First">One of them, of those that need help where there are any; null when none is down.</param>
/// <param name="Hold">What is said of it.</param>
internal sealed record FullGroup(int Size, int Down, int Helpless, string? First, RolloutHold Hold);

/// <summary>How many nodes may be down at once, in each group; nodes that are down for any reason count.</summary>
internal sealed class RolloutBudget : IDisposable
{
    private static readonly Dictionary<string, RolloutNode> NoNodes = [];

    private readonly RolloutPolicy _policy;
    private readonly RolloutGroups _before;
    private readonly Group[] _groups;
    private readonly ImmutableSortedDictionary<string, FullGroup>.Builder _full;
    private Dictionary<string, int> _numbers;

    internal RolloutBudget(RolloutPolicy policy, IReadOnlyDictionary<string, RolloutNode> nodes, IReadOnlyDictionary<string, RolloutMember> members, RolloutGroups before, bool isRemoval = false,
        IReadOnlyDictionary<string, RolloutNode>? beside = null)
    {
        _policy = policy;
        _before = (before.MaxUnavailable, before.Per) == (policy.MaxUnavailable, policy.BudgetPer) ? before : RolloutGroups.Of(policy);
        (_numbers, _full) = (_before.Numbers, _before.Full.ToBuilder());
        foreach (var (_, node) in nodes)
        {
            Number(NameOf(node));
        }

        foreach (var (_, node) in beside ?? NoNodes)
        {
            Number(NameOf(node));
        }

        _groups = ArrayPool<Group>.Shared.Rent(Math.Max(_numbers.Count, 1));
        Array.Clear(_groups);
        foreach (var (name, node) in nodes)
        {
            ref var group = ref _groups[_numbers[NameOf(node)]];
            group.Size++;
            var member = members.GetValueOrDefault(name);
            // A fleet that is deleted has nothing more to do with what it left clean, and nobody brings it up for it.
            if (member is not { IsInTheAir: true } && (node is { Availability: Availability.Serving, GoesDown: false } || (isRemoval && member is { State: MemberState.Done })))
            {
                continue;
            }

            group.Down++;
            if (!NeedsHelp(member, node))
            {
                group.First ??= name;
            }
            else if (group.Helpless++ == 0)
            {
                group.First = name;
            }
        }

        foreach (var (name, node) in beside ?? NoNodes)
        {
            ref var group = ref _groups[_numbers[NameOf(node)]];
            group.Size++;
            if (node is not { Availability: Availability.Serving, GoesDown: false })
            {
                group.Down++;
                group.First ??= name;
            }
        }
    }

    /// <summary>What the next turn may take over.</summary>
    internal RolloutGroups Groups
    {
        get
        {
            var full = _full.ToImmutable();
            return ReferenceEquals(full, _before.Full) && ReferenceEquals(_numbers, _before.Numbers) ? _before : _before with { Numbers = _numbers, Full = full };
        }
    }

    /// <summary>Takes a place for a node that is about to go down; one whose QM does not run, or is taken down already, has its place.</summary>
    /// <remarks>
    /// BlueChi has not heard of any QM yet when it starts, while all of them run: one that runs unheard has its place, too, but may go only where the
    /// others leave room.
    /// </remarks>
    /// <param name="node">Its name.</param>
    /// <param name="view">The node.</param>
    /// <returns>Null when there was room, else what holds it.</returns>
    internal RolloutHold? Take(string node, RolloutNode view)
    {
        if (view.Availability < Availability.Unregistered || view.GoesDown)
        {
            return null;
        }

        var name = NameOf(view);
        ref var group = ref _groups[_numbers[name]];
        var room = _policy.MaxUnavailable.AtMostOf(group.Size);
        var more = view.Availability == Availability.Serving ? 1 : 0;
        if (group.Down + more <= room)
        {
            group.Down += more;
            group.First ??= node;
            return null;
        }

        if (_full.TryGetValue(name, out var known) && (known.Size, known.Down, known.Helpless, known.First) == (group.Size, group.Down, group.Helpless, group.First))
        {
            return known.Hold;
        }

        var hold = Full(name, group, room);
        _full[name] = new(group.Size, group.Down, group.Helpless, group.First, hold);
        return hold;
    }

    /// <inheritdoc/>
    public void Dispose() => ArrayPool<Group>.Shared.Return(_groups, clearArray: true);

    private RolloutHold Full(string name, Group group, int room)
    {
        var where = name.Length == 0 ? "the fleet" : $"{_policy.BudgetPer}={name}";
        if (room == 0)
        {
            return new("Budget", $"maxUnavailable {_policy.MaxUnavailable} of the {group.Size} nodes of {where} is 0, so none may ever go down", "a larger maxUnavailable", Never: true);
        }

        var others = group.Down > 1 ? $" and {group.Down - 1} more" : "";
        var which = group.First is { } first ? $" ({first}{others})" : "";
        var reason = $"{group.Down} of the {group.Size} nodes of {where} are down{which}, and maxUnavailable {_policy.MaxUnavailable} allows {room}";
        return group.Helpless >= room
            ? new("Budget", reason, $"mending {group.First}{(group.Helpless > 1 ? $" and {group.Helpless - 1} more" : "")}, or a larger maxUnavailable", Never: true)
            : new("Budget", reason, "one of them coming back");
    }

    // One that was given up, or is to be left alone, is not brought up by the rollout.
    private static bool NeedsHelp(RolloutMember? member, RolloutNode node) =>
        node.Availability != Availability.Serving && (node.Cordoned || member is { IsSettled: true, HasFailed: true });

    private void Number(string name)
    {
        if (_numbers.ContainsKey(name))
        {
            return;
        }

        // What the turn before knows is never changed.
        var numbers = ReferenceEquals(_numbers, _before.Numbers) ? new Dictionary<string, int>(_numbers, StringComparer.Ordinal) : _numbers;
        numbers[name] = numbers.Count;
        _numbers = numbers;
    }

    private string NameOf(RolloutNode node) => _policy.BudgetPer.Length == 0 ? "" : node.Labels.GetValueOrDefault(_policy.BudgetPer) ?? "";

    [StructLayout(LayoutKind.Auto)]
    private struct Group
    {
        internal int Size;
        internal int Down;
        internal int Helpless;
        internal string? First;
    }
}
