using Qm.Fleet.Lab.BlueChi;

namespace Qm.Fleet.Lab.Peers;

/// <summary>Interfaces and object paths between bluechi-controller and its agents; no bus is between them.</summary>
internal static class PeerNames
{
    public const string Controller = "org.eclipse.bluechi.internal.Controller";
    public const string Agent = "org.eclipse.bluechi.internal.Agent";
    public const string Metrics = Agent + ".Metrics";

    public const string ControllerPath = BlueChiNames.Root + "/internal";
    public const string AgentPath = ControllerPath + "/agent";
    public const string MetricsPath = AgentPath + "/metrics";
}
