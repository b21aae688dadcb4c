using Qm.Fleet.Core.Environments;

namespace Qm.Fleet.Core.Revisions;

/// <summary>The revision of a fleet that is deleted: nothing that QM Fleet brings.</summary>
public static class Removal
{
    /// <summary>Its name, which no hash can be.</summary>
    public const string Revision = "removed";

    /// <summary>What it holds; every way to say of an environment that it is this one goes by the instance.</summary>
    public static FleetEnvironment Environment { get; } = new();
}
