using System.Diagnostics.Metrics;
using Qm.Fleet.Controller.Gateway;

namespace Qm.Fleet.Controller.Telemetry;

/// <summary>What the controller counts beside what ASP.NET Core and the runtime do.</summary>
internal sealed class ControllerMetrics
{
    private readonly Counter<long> _applies;
    private readonly Counter<long> _limited;

    /// <summary>Registers the instruments.</summary>
    public ControllerMetrics(IMeterFactory meters, AgentLinks links)
    {
        var meter = meters.Create(Sources.Name);
        _applies = meter.CreateCounter<long>("qm_fleet_applies", "{resource}", "Resources applied, by kind and result");
        _limited = meter.CreateCounter<long>("qm_fleet_limited", "{refusal}", "What was refused or held up because somebody reached a limit, by limit");
        meter.CreateObservableGauge("qm_fleet_agents_connected", () => links.ConnectedCount, "{agent}", "Agent extensions being heard");
    }

    /// <summary>Counts what a limit refused or held up.</summary>
    public void Limited(string limit) => _limited.Add(1, new KeyValuePair<string, object?>("limit", limit));

    /// <summary>Counts a resource that was applied; a dry run counts for nothing.</summary>
    public void Applied(string kind, V1.ApplyResult result, bool dryRun)
    {
        if (!dryRun)
        {
            _applies.Add(1, new("kind", kind), new("result", result.ToString()));
        }
    }
}
