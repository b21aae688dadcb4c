using System.Collections.Immutable;
using Qm.Fleet.Core.LoadShedding;
using Qm.Fleet.Core.Rollouts;

namespace Qm.Fleet.Core.Supervision;

/// <summary>What is done about a failure, in the order of how much it disrupts. Numbers are stored.</summary>
public enum Escalation
{
    /// <summary>The unit that failed is restarted.</summary>
    RestartUnit = 1,

    /// <summary>All of QM is restarted.</summary>
    RestartQm = 2,

    /// <summary>The node goes back to the revision it had before.</summary>
    RevertRevision = 3,

    /// <summary>The node is left alone until somebody releases it.</summary>
    Quarantine = 4,
}

/// <summary>How restarts are spaced.</summary>
/// <param name="Initial">Before the first.</param>
/// <param name="Max">Longest time before one.</param>
/// <param name="Factor">How much longer each waits than the one before, 1 to 10.</param>
/// <param name="Jitter">How much earlier or later each comes at random, percent of the wait.</param>
/// <param name="Budget">How often a unit may be restarted.</param>
/// <param name="ResetAfter">How long a unit must stay healthy before the next failure counts as its first.</param>
public sealed record RestartPolicy(TimeSpan Initial, TimeSpan Max, double Factor, int Jitter, RestartBudget Budget, TimeSpan ResetAfter)
{
    /// <summary>How long to wait before a restart.</summary>
    /// <param name="attempt">Restarts since the unit was last healthy for long enough, from 0.</param>
    /// <param name="random">0 to 1, drawn anew for each.</param>
    public TimeSpan Delay(int attempt, double random)
    {
        var seconds = Math.Min(Max.TotalSeconds, Initial.TotalSeconds * Math.Pow(Factor, Math.Min(attempt, 64)));
        return TimeSpan.FromSeconds(Math.Min(Max.TotalSeconds, seconds * (1 + (Jitter / 100.0 * ((2 * random) - 1)))));
    }
}

/// <summary>How a fleet's nodes are healed when what they run fails.</summary>
public sealed record SupervisionPolicy
{
    /// <summary>What holds where nothing is said of it.</summary>
    public static SupervisionPolicy Default { get; } = new();

    /// <summary>Restarts of a unit.</summary>
    public RestartPolicy Restart { get; init; } = new(
        TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(5), 2, 10, new(5, TimeSpan.FromMinutes(10)), TimeSpan.FromMinutes(10));

    /// <summary>How often QM of a node may be restarted.</summary>
    public RestartBudget QmBudget { get; init; } = new(3, TimeSpan.FromHours(1));

    /// <summary>How much may be healed in the whole fleet.</summary>
    public RestartBudget FleetBudget { get; init; } = new(30, TimeSpan.FromMinutes(10));

    /// <summary>How many nodes that fail at once have a common cause, which no restart cures.</summary>
    public Amount Correlated { get; init; } = new(50, true);

    /// <summary>How close together "at once" is.</summary>
    public TimeSpan Within { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>What is done, one after the other; the last is repeated as far as its budget goes.</summary>
    public ImmutableArray<Escalation> Steps { get; init; } = [Escalation.RestartUnit, Escalation.RestartQm, Escalation.RevertRevision, Escalation.Quarantine];

    /// <summary>How long a node must be in another phase before it is said to be.</summary>
    public TimeSpan Pending { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Load that is shed while QM is under pressure.</summary>
    public ImmutableArray<SheddingRule> LoadShedding { get; init; } = [];

    /// <summary>How often a unit may restart by itself within the time of the budget before it is held not to stay up.</summary>
    public int RestartsTolerated => Math.Max(3, Restart.Budget.Count);

    /// <summary>For how long it must be known what was done.</summary>
    internal TimeSpan Longest => new[] { Restart.Budget.Window, QmBudget.Window, FleetBudget.Window, Within }.Max();

    /// <summary>The word of a step, as people write it.</summary>
    /// <param name="step">Its place, from 0; one beyond the last is the last.</param>
    public string WordOf(int step) => SupervisionParser.WordOf(Steps[Math.Min(step, Steps.Length - 1)]);

    /// <summary>How many of so many nodes have to fail at once for it to be a common cause; none do in a fleet of one.</summary>
    public int CorrelatedOf(int nodes) => nodes < 2 ? int.MaxValue : Math.Max(Correlated.AtLeastOf(nodes), Math.Min(3, nodes));

    /// <inheritdoc/>
    public bool Equals(SupervisionPolicy? other) => other is not null && Steps.SequenceEqual(other.Steps) && LoadShedding.SequenceEqual(other.LoadShedding)
        && (Restart, QmBudget, FleetBudget, Correlated, Within, Pending) == (other.Restart, other.QmBudget, other.FleetBudget, other.Correlated, other.Within, other.Pending);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Restart, QmBudget, FleetBudget, Correlated, Within, Pending, Steps.Length);
}
