using System.Diagnostics;

namespace Qm.Fleet.Controller.Telemetry;

/// <summary>Where the controller's traces come from.</summary>
internal static class Sources
{
    /// <summary>Name of the activity source and of the meter.</summary>
    public const string Name = "Qm.Fleet.Controller";

    /// <summary>Spans of what the reconciler does.</summary>
    public static readonly ActivitySource Activity = new(Name);
}
