namespace Qm.Fleet.BlueChi.Tests.Conformance.Containers;

/// <summary>What a node of the site has on top of the image, by absolute path.</summary>
/// <remarks>
/// The services are the site's own, since those that BlueChi ships name the prefix it was built for and start a crashed controller again,
/// which is for a case to do.
/// </remarks>
internal static class NodeFiles
{
    /// <summary>Where agents find the controller: BlueChi's own port.</summary>
    internal const int ControllerPort = 842;

    /// <summary>How often an agent is heard, and how often a lost one tries again, in milliseconds.</summary>
    private const int HeartbeatInterval = 1000;

    /// <summary>How long an agent may be silent, in milliseconds.</summary>
    private const int NodeHeartbeatThreshold = 3000;

    /// <summary>What every node has: the agent, and the units of the suite.</summary>
    internal static IEnumerable<(string Path, string Text)> OfAgent(string node, string controllerHost) =>
    [
        // The agent does not start without a file of defaults, empty as it may be.
        ("/usr/share/bluechi-agent/config/agent.conf", "[bluechi-agent]\n"),
        ("/etc/bluechi/agent.conf", $"""
            [bluechi-agent]
            NodeName={node}
            ControllerHost={controllerHost}
            ControllerPort={ControllerPort}
            HeartbeatInterval={HeartbeatInterval}

            """),
        ("/etc/systemd/system/bluechi-agent.service", Service("bluechi-agent", "Restart=on-abnormal")),
        ("/etc/systemd/system/multi-user.target.d/bluechi-agent.conf", "[Unit]\nWants=bluechi-agent.service\n"),
        // Lets a process of a unit of the suite tell systemd its status, which is how a flood of signals is made.
        ("/etc/systemd/system/conformance-.service.d/notify.conf", "[Service]\nNotifyAccess=all\n"),
        .. SiteUnits.Files.Select(file => ($"/etc/systemd/system/{file.Key}", file.Value)),
    ];

    /// <summary>What the controller's node has besides.</summary>
    internal static IEnumerable<(string Path, string Text)> OfController(params string[] allowed) =>
    [
        ("/usr/share/bluechi/config/controller.conf", "[bluechi-controller]\n"),
        ("/etc/bluechi/controller.conf", $"""
            [bluechi-controller]
            ControllerPort={ControllerPort}
            AllowedNodeNames={string.Join(',', allowed)}
            HeartbeatInterval={HeartbeatInterval}
            NodeHeartbeatThreshold={NodeHeartbeatThreshold}

            """),
        ("/etc/systemd/system/bluechi-controller.service", Service("bluechi-controller", "Restart=no\nRuntimeDirectory=bluechi")),
        ("/etc/systemd/system/multi-user.target.d/bluechi-controller.conf", "[Unit]\nWants=bluechi-controller.service\n"),
    ];

    private static string Service(string program, string settings) => $"""
        [Unit]
        Description={program} of the conformance suite
        After=network.target

        [Service]
        ExecStart=/usr/libexec/{program}
        {settings}

        """;
}
