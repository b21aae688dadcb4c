using System.Collections.Immutable;
using Qm.Fleet.Core.Selectors;

namespace Qm.Fleet.Core.Rollouts;

/// <summary>What happens to a rollout when too many nodes of a batch failed.</summary>
public enum OnFailure
{
    /// <summary>No further node moves until somebody decides.</summary>
    Pause = 0,

    /// <summary>Every node of the batch goes back.</summary>
    RollbackBatch = 1,

    /// <summary>Every node that moved goes back.</summary>
    Rollback = 2,
}

/// <summary>One step of a rollout.</summary>
/// <param name="Select">Which nodes it takes; null for any.</param>
/// <param name="Limit">How many of them, as a part of the whole fleet.</param>
public sealed record RolloutBatch(LabelSelector? Select, Amount Limit)
{
    /// <inheritdoc/>
    public override string ToString() => (Select, Limit) switch
    {
        (null, _) => Limit.ToString(),
        _ when Limit == Amount.All => Select.ToString(),
        _ => $"{Limit} of {Select}",
    };
}

/// <summary>A unit that must be in a state before a node is disrupted.</summary>
/// <param name="Node">BlueChi's node name; empty for the node itself.</param>
/// <param name="Unit">A unit of the host.</param>
/// <param name="State">Its ActiveState.</param>
public sealed record Precondition(string Node, string Unit, string State)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Unit}{(Node.Length == 0 ? "" : $" on {Node}")} is {State}";
}

/// <summary>How a fleet moves from one revision to another.</summary>
public sealed record RolloutPolicy
{
    /// <summary>One node after the other, and a stop at the first that fails.</summary>
    public static RolloutPolicy Default { get; } = new();

    /// <summary>In this order; together they take every node.</summary>
    public ImmutableArray<RolloutBatch> Batches { get; init; } = [new(null, Amount.All)];

    /// <summary>How long a node must stay healthy before it counts as done.</summary>
    public TimeSpan Soak { get; init; }

    /// <summary>How many nodes of a group may be down at once, for any reason.</summary>
    public Amount MaxUnavailable { get; init; } = new(1, false);

    /// <summary>Label whose values form the groups; empty for one group.</summary>
    public string BudgetPer { get; init; } = "";

    /// <summary>How many percent of a batch must succeed.</summary>
    public int SuccessThreshold { get; init; } = 100;

    /// <summary>What happens when fewer do.</summary>
    public OnFailure OnFailure { get; init; }

    /// <summary>How long a node may take from its turn until it is Ready.</summary>
    public TimeSpan Deadline { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>How often units of a node may restart by themselves while it soaks.</summary>
    public int MaxRestarts { get; init; }

    /// <summary>Memory pressure of QM, in percent of a minute that some task was stalled, above which a node has failed; null for any.</summary>
    public double? MaxPressure { get; init; }

    /// <summary>When nodes may be disrupted; empty for always.</summary>
    public ImmutableArray<MaintenanceWindow> Windows { get; init; } = [];

    /// <summary>What must hold before a node is disrupted.</summary>
    public ImmutableArray<Precondition> Preconditions { get; init; } = [];

    /// <summary>How many nodes may be down at once and how long each must stay healthy, for a person.</summary>
    public string Pace => $"maxUnavailable {MaxUnavailable}{(BudgetPer.Length == 0 ? "" : $" per {BudgetPer}")}, soak {RolloutHealth.Span(Soak)}";

    /// <summary>The same for taking a deleted fleet away: what cannot be cleaned somewhere is nothing to be content with, and no reason to bring it back elsewhere.</summary>
    internal RolloutPolicy ForRemoval => this with { SuccessThreshold = 100, OnFailure = OnFailure.Pause };

    /// <summary>Whether nodes may be disrupted at a time, as far as windows go.</summary>
    public bool IsOpen(DateTimeOffset now) => Windows.Length == 0 || Windows.Any(window => window.IsOpen(now));

    /// <inheritdoc/>
    public bool Equals(RolloutPolicy? other) => other is not null
        && Batches.SequenceEqual(other.Batches) && Windows.SequenceEqual(other.Windows) && Preconditions.SequenceEqual(other.Preconditions)
        && (Soak, MaxUnavailable, BudgetPer, SuccessThreshold, OnFailure) == (other.Soak, other.MaxUnavailable, other.BudgetPer, other.SuccessThreshold, other.OnFailure)
        && (Deadline, MaxRestarts, MaxPressure) == (other.Deadline, other.MaxRestarts, other.MaxPressure);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Batches.Length, Soak, MaxUnavailable, BudgetPer, SuccessThreshold, OnFailure);
}
