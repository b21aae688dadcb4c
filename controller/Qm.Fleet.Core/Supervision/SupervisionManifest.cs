using Qm.Fleet.Core.LoadShedding;

namespace Qm.Fleet.Core.Supervision;

/// <summary>A supervision policy as it was received; nothing is checked, and empty texts are absent.</summary>
public sealed record SupervisionManifest
{
    /// <summary>restart.initial.</summary>
    public string Initial { get; init; } = "";

    /// <summary>restart.max.</summary>
    public string Max { get; init; } = "";

    /// <summary>restart.factor.</summary>
    public string Factor { get; init; } = "";

    /// <summary>restart.jitter.</summary>
    public string Jitter { get; init; } = "";

    /// <summary>restart.budget.</summary>
    public string Budget { get; init; } = "";

    /// <summary>restart.resetAfter.</summary>
    public string ResetAfter { get; init; } = "";

    /// <summary>restartQm.budget.</summary>
    public string QmBudget { get; init; } = "";

    /// <summary>fleet.budget.</summary>
    public string FleetBudget { get; init; } = "";

    /// <summary>fleet.correlated.</summary>
    public string Correlated { get; init; } = "";

    /// <summary>fleet.within.</summary>
    public string Within { get; init; } = "";

    /// <summary>escalation, in order; empty for the default.</summary>
    public IReadOnlyList<string> Escalation { get; init; } = [];

    /// <summary>pending.</summary>
    public string Pending { get; init; } = "";

    /// <summary>loadShedding.</summary>
    public IReadOnlyList<SheddingManifest> LoadShedding { get; init; } = [];
}
