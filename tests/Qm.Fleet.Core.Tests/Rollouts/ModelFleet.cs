using Qm.Fleet.Core.Rollouts;
using Qm.Fleet.Core.Selectors;
using Xunit;

namespace Qm.Fleet.Core.Tests.Rollouts;

/// <summary>A fleet in a few fields, moved by the engine; every turn checks what holds in all of them.</summary>
internal sealed class ModelFleet
{
    internal const string Old = "11111111";
    internal const string New = "22222222";

    private readonly SortedDictionary<string, ModelMember> _nodes = new(StringComparer.Ordinal);
    private readonly RolloutPolicy _policy;

    internal ModelFleet(RolloutPolicy policy, IEnumerable<string> names)
    {
        _policy = policy;
        foreach (var name in names)
        {
            _nodes[name] = new();
        }
    }

    internal DateTimeOffset Now { get; private set; } = new(2026, 6, 1, 12, 0, 0, TimeSpan.Zero);

    internal RolloutPolicy Policy => _policy;

    internal RolloutState State { get; set; } = new(Old, New, RolloutPhase.Progressing);

    internal RolloutDecision Decision { get; private set; } = null!;

    internal List<RolloutNotice> Notices { get; } = [];

    /// <summary>Names of nodes in the order in which they began to move.</summary>
    internal List<string> Order { get; } = [];

    internal ModelMember this[string name] => _nodes[name];

    internal IEnumerable<ModelMember> Nodes => _nodes.Values;

    internal static string[] Names(int count) => [.. Enumerable.Range(1, count).Select(number => $"ecu{number:00}")];

    internal static RolloutBatch Batch(string selector, string limit = "100%")
    {
        Assert.True(Amount.TryParse(limit, out var amount, out _));
        Assert.True(LabelSelector.TryParse(selector, out var select, out _));
        return new(selector.Length == 0 ? null : select, amount);
    }

    internal void Add(string name) => _nodes[name] = new();

    internal void Remove(string name) => _nodes.Remove(name);

    /// <summary>What the next look at the fleet shows.</summary>
    internal Dictionary<string, RolloutNode> View() => _nodes.ToDictionary(node => node.Key, node => node.Value.View(), StringComparer.Ordinal);

    /// <summary>One turn: the engine decides, and the nodes are told.</summary>
    internal RolloutDecision Turn(TimeSpan after = default)
    {
        Now += after;
        var view = View();
        var (afresh, decision) = (RolloutEngine.Advance(State, _policy, view, Now), RolloutEngine.Advance(State, _policy, view, Now, Decision));
        CheckSame(afresh, decision);
        CheckBudget(State, decision.State, view);
        Order.AddRange(decision.State.Members
            .Where(member => member.Value.State == MemberState.Moving && State.Members.GetValueOrDefault(member.Key)?.State != MemberState.Moving)
            .Select(member => member.Key));
        State = decision.State;
        Decision = decision;
        Notices.AddRange(decision.Notices);
        foreach (var (name, node) in _nodes)
        {
            node.Told(decision.TargetOf(name, node.Staged, revision => node.Revision == revision));
        }

        return decision;
    }

    /// <summary>Lets every node that may go on do so, until nothing changes any more; no time passes.</summary>
    internal RolloutDecision Settle()
    {
        for (var round = 0; round < 500; round++)
        {
            var before = State;
            Turn();
            var worked = _nodes.Values.Select(node => node.Work()).ToArray();
            if (!worked.Contains(true) && ReferenceEquals(before, State))
            {
                return Decision;
            }
        }

        throw new InvalidOperationException($"not settled: {State.Phase}, {Decision.Message}");
    }

    // What was decided before saves work and changes nothing.
    private static void CheckSame(RolloutDecision afresh, RolloutDecision decision)
    {
        Assert.Equal(afresh.Holds, decision.Holds);
        Assert.Equal(afresh.State.Members, decision.State.Members);
        Assert.Equal((afresh.State.Phase, afresh.State.Reason, afresh.Message, afresh.Wake), (decision.State.Phase, decision.State.Reason, decision.Message, decision.Wake));
        Assert.Equal(afresh.Notices, decision.Notices);
    }

    // Rule 3: of nodes that are up none begins unless there is room, and those that are down for any reason count.
    private void CheckBudget(RolloutState before, RolloutState after, Dictionary<string, RolloutNode> view)
    {
        foreach (var group in view.GroupBy(node => _policy.BudgetPer.Length == 0 ? "" : node.Value.Labels.GetValueOrDefault(_policy.BudgetPer) ?? ""))
        {
            var down = group.Count(node => node.Value.Availability != Availability.Serving || after.Members.GetValueOrDefault(node.Key) is { IsInTheAir: true });
            var began = group.Any(node => node.Value.Availability == Availability.Serving
                && after.Members.GetValueOrDefault(node.Key) is { IsInTheAir: true } && before.Members.GetValueOrDefault(node.Key) is not { IsInTheAir: true });
            Assert.True(!began || down <= _policy.MaxUnavailable.AtMostOf(group.Count()), $"{down} of {group.Count()} nodes are down, allowed are {_policy.MaxUnavailable}");
        }
    }
}
