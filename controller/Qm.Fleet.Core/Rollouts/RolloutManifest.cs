namespace Qm.Fleet.Core.Rollouts;

/// <summary>A rollout policy as it was received; nothing is checked, and empty texts are absent.</summary>
public sealed record RolloutManifest
{
    /// <summary>batches: selector and limit.</summary>
    public IReadOnlyList<(string Select, string Limit)> Batches { get; init; } = [];

    /// <summary>soak.</summary>
    public string Soak { get; init; } = "";

    /// <summary>maxUnavailable.</summary>
    public string MaxUnavailable { get; init; } = "";

    /// <summary>budgetPer.</summary>
    public string BudgetPer { get; init; } = "";

    /// <summary>successThreshold.</summary>
    public string SuccessThreshold { get; init; } = "";

    /// <summary>onFailure.</summary>
    public string OnFailure { get; init; } = "";

    /// <summary>deadline.</summary>
    public string Deadline { get; init; } = "";

    /// <summary>maxRestarts.</summary>
    public int MaxRestarts { get; init; }

    /// <summary>maxPressure.</summary>
    public string MaxPressure { get; init; } = "";

    /// <summary>windows.</summary>
    public IReadOnlyList<string> Windows { get; init; } = [];

    /// <summary>preconditions: node, unit and state.</summary>
    public IReadOnlyList<(string Node, string Unit, string State)> Preconditions { get; init; } = [];
}
