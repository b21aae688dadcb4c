using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Qm.Fleet.Controller.Telemetry;

/// <summary>Where the controller's traces and measurements come from.</summary>
internal static class Sources
{
    internal const string Name = "Qm.Fleet.Controller";

    internal static readonly ActivitySource Activity = new(Name);
    internal static readonly Meter Meter = new(Name);

    internal static readonly Counter<long> Applies = Meter.CreateCounter<long>("qm_fleet_applies", "{fleet}", "Fleets applied, unchanged ones included");
    internal static readonly Histogram<double> Acts = Meter.CreateHistogram<double>("qm_fleet_act_duration", "s", "Duration of acts on nodes, by act and outcome");
}
