using System.Globalization;
using Qm.Fleet.Core.BlueChiConf;

namespace Qm.Fleet.Agent.Checks;

/// <summary>Whether BlueChi notices a link that is cut. As it is installed it does not: TCP gives up after minutes where something was under way.</summary>
internal static class HeartbeatChecks
{
    // One heartbeat may be late.
    private const int Missed = 2;

    private static readonly Side ControllerSide = new(ControllerConf.SectionName, "NodeHeartbeatThreshold", 0, 6000, "HeartbeatInterval=1000 and NodeHeartbeatThreshold=3000");
    private static readonly Side AgentSide = new(AgentConf.SectionName, "ControllerHeartbeatThreshold", 2000, 0, "HeartbeatInterval=1000 and ControllerHeartbeatThreshold=6000");

    /// <summary>In the order in which they are to be mended: an agent that listens for heartbeats that nobody sends is never online for long.</summary>
    public static IReadOnlyList<StaticCheck> All { get; } =
    [
        new("controller-heartbeat", "The BlueChi controller on this node notices a link that is cut", "/etc/bluechi/controller.conf", "HeartbeatInterval above 0, NodeHeartbeatThreshold twice that or more", Controller),
        new("agent-heartbeat", "Both BlueChi agents notice a link that is cut", "agent.conf of the host and of QM", "HeartbeatInterval above 0, ControllerHeartbeatThreshold twice that or more", Agents),
    ];

    private static CheckOutcome Controller(NodeFacts facts)
    {
        if (!BlueChiChecks.HasController(facts))
        {
            return CheckOutcome.NotApplicable("No BlueChi controller is configured on this node.");
        }

        var (found, wrong) = Judge(facts.ControllerConf.Settings, ControllerSide, "The controller", "/etc/bluechi/controller.conf.d");
        return CheckOutcome.Of(found, wrong is null ? [] : [wrong]);
    }

    private static CheckOutcome Agents(NodeFacts facts)
    {
        var host = Judge(facts.HostAgentConf.Settings, AgentSide, "The host's agent", "/etc/bluechi/agent.conf.d");
        var qm = Judge(facts.QmAgentConf.Settings, AgentSide, "QM's agent", $"{facts.Paths.Etc}/bluechi/agent.conf.d");
        return CheckOutcome.Of($"host {host.Found}; QM {qm.Found}", [.. new[] { host.Wrong, qm.Wrong }.OfType<string>()]);
    }

    private static (string Found, string? Wrong) Judge(EffectiveConf settings, Side side, string who, string folder)
    {
        if (settings.FatalBecause is { } problem)
        {
            return ("does not start", $"{problem}.");
        }

        var (interval, threshold) = (Number(settings, "HeartbeatInterval", side.Interval), Number(settings, side.Threshold, side.Longest));
        var found = string.Create(CultureInfo.InvariantCulture, $"HeartbeatInterval={interval} {side.Threshold}={threshold}");
        var why = interval <= 0 ? "sends no heartbeats and looks for none"
            : threshold <= 0 ? "does not mind how long it has heard no heartbeat"
            : threshold < (long)interval * Missed ? "takes a link for cut when one heartbeat is late"
            : null;
        return (found, why is null ? null : $"{who} {why}: write {side.Lines} below [{side.Section}] to {folder}/heartbeat.conf, then restart {side.Section}.");
    }

    // What is no number counts as absent, as for BlueChi.
    private static int Number(EffectiveConf settings, string key, int absent) =>
        int.TryParse(settings.Values.GetValueOrDefault(key)?.Value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : absent;

    /// <summary>One end of the link.</summary>
    /// <param name="Section">Of its configuration; also its unit.</param>
    /// <param name="Threshold">After how long without a heartbeat it takes the link for cut.</param>
    /// <param name="Interval">HeartbeatInterval where nothing is said, in milliseconds.</param>
    /// <param name="Longest">The threshold where nothing is said, in milliseconds.</param>
    /// <param name="Lines">What is to be written.</param>
    private sealed record Side(string Section, string Threshold, int Interval, int Longest, string Lines);
}
