using Qm.Fleet.Core.BlueChiConf;
using Qm.Fleet.Core.Revisions;

namespace Qm.Fleet.Agent.Checks;

/// <summary>Whether QM's BlueChi agent can register: its name, whether it is allowed, and whether the controller can be reached from inside.</summary>
internal static class BlueChiChecks
{
    private const string UnixPrefix = "unix:path=";

    /// <summary>In the order in which they matter.</summary>
    public static IReadOnlyList<StaticCheck> All { get; } =
    [
        new("agent-name", "QM's BlueChi agent is named after its host", "agent.conf of the host and of QM", "qm.<NodeName of the host>", AgentName),
        new("allowed-names", "The controller on this node allows both names", "/etc/bluechi/controller.conf", "the host's name and QM's", AllowedNames),
        new("controller-address", "QM's BlueChi agent reaches the controller", "ControllerAddress in QM, Volume= of the quadlet", "a socket the quadlet mounts, or another host", Address),
    ];

    private static CheckOutcome AgentName(NodeFacts facts)
    {
        var (host, conf) = (HostName(facts), facts.QmAgentConf.Settings);
        var wanted = QmNode.NameFor(host);
        return conf.FatalBecause is { } problem ? CheckOutcome.Fail("does not start", $"{problem}.") : conf.Values.GetValueOrDefault("NodeName")?.Value switch
        {
            null => CheckOutcome.Fail("not set", $"QM's agent would call itself by its container's id: set NodeName={wanted} in a file of QM's agent.conf.d that sorts after agent.conf."),
            "" => CheckOutcome.Fail("empty", $"QM's agent does not start with an empty NodeName: set NodeName={wanted} in a file of QM's agent.conf.d that sorts after agent.conf."),
            var found when found == wanted => CheckOutcome.Pass(found),
            var found => CheckOutcome.Fail(found, $"The host is {host}, and QM's name is derived only once, by setup: set NodeName={wanted} in a file of QM's agent.conf.d that sorts after agent.conf, then restart bluechi-agent in QM."),
        };
    }

    private static CheckOutcome AllowedNames(NodeFacts facts)
    {
        if (!HasController(facts))
        {
            return CheckOutcome.NotApplicable("No BlueChi controller is configured on this node.");
        }

        var conf = facts.ControllerConf;
        if (conf.Settings.FatalBecause is { } problem)
        {
            return CheckOutcome.Fail("does not start", $"{problem}.");
        }

        string[] names = [HostName(facts), QmNode.NameFor(HostName(facts))];
        string[] missing = [.. names.Where(name => !conf.Allows(name))];
        return CheckOutcome.Of(string.Join(", ", conf.AllowedNodeNames.Concat(names.Where(conf.Allows)).Distinct().Order(StringComparer.Ordinal)),
            missing.Length == 0 ? []
            : [
                .. missing.Select(name => conf.AllowedNodeNames.Any(allowed => allowed.Trim() == name)
                    ? $"BlueChi takes the blanks beside {name} in AllowedNodeNames for a part of the name, and refuses it."
                    : $"{name} is not in AllowedNodeNames, so BlueChi refuses it."),
                $"Write AllowedNodeNames={string.Join(',', conf.AllowedNodeNames.Select(static name => name.Trim()).Union(missing).Order(StringComparer.Ordinal))} below [{ControllerConf.SectionName}], and restart bluechi-controller.",
            ]);
    }

    /// <summary>Whether a BlueChi controller is configured on the node.</summary>
    internal static bool HasController(NodeFacts facts) => facts.Root.Exists("/etc/bluechi/controller.conf") || facts.Root.List("/etc/bluechi/controller.conf.d").Count > 0;

    private static CheckOutcome Address(NodeFacts facts)
    {
        var conf = facts.QmAgentConf.Settings;
        if (conf.FatalBecause is { } problem)
        {
            return CheckOutcome.Fail("does not start", $"{problem}.");
        }

        // An empty address counts as none: the agent then makes one of the host and the port.
        if (conf.Values.GetValueOrDefault("ControllerAddress")?.Value is not { Length: > 0 } address)
        {
            return conf.Values.GetValueOrDefault("ControllerHost")?.Value switch
            {
                null or "" => CheckOutcome.Unknown("Neither ControllerAddress nor ControllerHost is set in QM; BlueChi's default leads to QM itself."),
                "127.0.0.1" or "localhost" or "::1" => CheckOutcome.Fail("loopback", "QM has a network of its own, so its loopback is not the host's: use the host's address or a socket."),
                var host => CheckOutcome.Pass(host),
            };
        }

        if (!address.StartsWith(UnixPrefix, StringComparison.Ordinal))
        {
            return CheckOutcome.Pass(address);
        }

        var path = address[UnixPrefix.Length..];
        return Mapped(facts, path) is not { } source
            ? CheckOutcome.Fail(address, $"No Volume= of the quadlet brings {path} into QM: add Volume=/run/bluechi/bluechi.sock:{path}, or set the address of the one that does.")
            : !facts.Root.List(Path.GetDirectoryName(source)!).Contains(Path.GetFileName(source))
                ? CheckOutcome.Fail($"{source} missing", $"There is no {source} on the host: start bluechi-controller.socket, then restart QM if the file itself is mounted.")
                : CheckOutcome.Pass($"{path} from {source}");
    }

    // The host's path of what QM sees at a path; null when no volume brings it.
    private static string? Mapped(NodeFacts facts, string path) => (
        from volume in facts.Containers("Volume")
        let parts = volume.Split(':')
        where parts.Length >= 2 && !parts[0].Contains('$', StringComparison.Ordinal)
        let target = parts[1].TrimEnd('/')
        where path == target || path.StartsWith(target + "/", StringComparison.Ordinal)
        orderby target.Length
        select parts[0].TrimEnd('/') + path[target.Length..]).LastOrDefault();

    private static string HostName(NodeFacts facts)
    {
        var conf = facts.HostAgentConf;
        if (conf.Settings.FatalBecause is { } problem)
        {
            throw new FactMissingException($"{problem}, so the host has no name with BlueChi.");
        }

        var kernel = facts.Text("/proc/sys/kernel/hostname")?.Trim() is { Length: > 0 } name ? name : facts.Text("/etc/hostname")?.Trim() ?? "";
        return conf.NodeName(kernel) ?? throw new FactMissingException(conf.Settings.Values.ContainsKey("NodeName")
            ? "The host's BlueChi agent does not start with an empty NodeName, so the host has no name with BlueChi: set it in /etc/bluechi/agent.conf.d."
            : "The host's agent.conf has no NodeName, and its host name cannot be read.");
    }
}
