using System.Collections.Immutable;
using Qm.Fleet.Agent.Files;
using Qm.Fleet.Core.Units;

namespace Qm.Fleet.Agent.Checks;

/// <summary>Whether QM's BlueChi agent can register: its name, whether it is allowed, and whether the controller can be reached from inside.</summary>
internal static class BlueChiChecks
{
    private const int FileBytesMax = 1024 * 1024;
    private const string AgentSection = "bluechi-agent";
    private const string ControllerSection = "bluechi-controller";
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
        var host = HostName(facts);
        var found = Of(QmSettings(facts), "NodeName");
        return found == $"qm.{host}" ? CheckOutcome.Pass(found)
            : found is null ? CheckOutcome.Fail("not set", $"QM's agent would call itself by its container's id: set NodeName=qm.{host} in a file of QM's agent.conf.d that sorts after agent.conf.")
            : CheckOutcome.Fail(found, $"The host is {host}, and QM's name is derived only once, by setup: set NodeName=qm.{host} in a file of QM's agent.conf.d that sorts after agent.conf, then restart bluechi-agent in QM.");
    }

    private static CheckOutcome AllowedNames(NodeFacts facts)
    {
        if (!HasController(facts))
        {
            return CheckOutcome.NotApplicable("No BlueChi controller is configured on this node.");
        }

        var settings = Settings(facts.Root, "controller", "");
        var allowed = (settings.LastOrDefault(entry => entry is { Section: ControllerSection, Key: "AllowedNodeNames" })?.Value ?? "")
            .Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Concat(settings.Where(entry => entry.Section.StartsWith("node ", StringComparison.Ordinal)).Select(entry => entry.Section["node ".Length..]))
            .ToHashSet(StringComparer.Ordinal);
        string[] names = [HostName(facts), $"qm.{HostName(facts)}"];
        return CheckOutcome.Of(string.Join(", ", allowed.Order(StringComparer.Ordinal)),
            names.All(allowed.Contains) ? []
            : [
                .. names.Where(name => !allowed.Contains(name)).Select(static name => $"{name} is not in AllowedNodeNames, so BlueChi refuses it."),
                $"Write AllowedNodeNames={string.Join(',', allowed.Union(names).Order(StringComparer.Ordinal))} below [{ControllerSection}], and restart bluechi-controller.",
            ]);
    }

    /// <summary>Whether a BlueChi controller is configured on the node.</summary>
    internal static bool HasController(NodeFacts facts) => facts.Root.Exists("/etc/bluechi/controller.conf") || facts.Root.List("/etc/bluechi/controller.conf.d").Count > 0;

    private static CheckOutcome Address(NodeFacts facts)
    {
        var settings = QmSettings(facts);
        if (Of(settings, "ControllerAddress") is not { } address)
        {
            return Of(settings, "ControllerHost") switch
            {
                null => CheckOutcome.Unknown("Neither ControllerAddress nor ControllerHost is set in QM; BlueChi's default leads to QM itself."),
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

    private static string HostName(NodeFacts facts) =>
        Of(Settings(facts.Root, "agent", ""), "NodeName") is { Length: > 0 } name ? name
        : facts.Text("/proc/sys/kernel/hostname")?.Trim() is { Length: > 0 } kernel ? kernel
        : facts.Text("/etc/hostname")?.Trim() is { Length: > 0 } file ? file
        : throw new FactMissingException("The host's agent.conf has no NodeName, and its host name cannot be read.");

    // An empty value counts as none: the agent then takes its default.
    private static string? Of(IReadOnlyList<UnitEntry> settings, string key) =>
        settings.LastOrDefault(entry => entry.Section == AgentSection && entry.Key == key)?.Value is { Length: > 0 } value ? value : null;

    /// <summary>Settings of the agent inside QM, in the order BlueChi reads them.</summary>
    internal static IReadOnlyList<UnitEntry> QmSettings(NodeFacts facts)
    {
        using var rootfs = facts.Within(facts.Paths.Rootfs);
        using var etc = facts.Within(facts.Paths.Etc);
        return [.. Read(rootfs, "/usr/share/bluechi-agent/config/agent.conf"), .. Files(etc, "agent", "")];
    }

    /// <summary>Settings of the agent or the controller of the host, in the order BlueChi reads them.</summary>
    internal static IReadOnlyList<UnitEntry> Settings(NodeRoot root, string program, string etc) =>
        [.. Read(root, program == "agent" ? "/usr/share/bluechi-agent/config/agent.conf" : "/usr/share/bluechi/config/controller.conf"), .. Files(root, program, $"{etc}/etc")];

    // BlueChi's order: the file, then the directory by name; the last wins.
    private static IEnumerable<UnitEntry> Files(NodeRoot root, string program, string etc) =>
        root.List($"{etc}/bluechi/{program}.conf.d").Where(name => name.EndsWith(".conf", StringComparison.Ordinal))
            .Select(name => $"{etc}/bluechi/{program}.conf.d/{name}").Prepend($"{etc}/bluechi/{program}.conf").SelectMany(path => Read(root, path));

    private static ImmutableArray<UnitEntry> Read(NodeRoot root, string path) =>
        root.ReadText(path, FileBytesMax) is { } text ? UnitFile.Parse(text, path).Entries : [];
}
