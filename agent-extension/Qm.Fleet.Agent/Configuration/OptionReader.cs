using Microsoft.Extensions.Logging;
using Qm.Fleet.Agent.Files;
using Qm.Fleet.Agent.Usage;
using Qm.Fleet.Core.Environments;

namespace Qm.Fleet.Agent.Configuration;

/// <summary>Reads options from the command line and from agent.conf; the command line wins. All problems are told at once.</summary>
/// <remarks>Written by hand: a few options with one value each, and the agent's size and start matter more than completion.</remarks>
internal sealed class OptionReader
{
    /// <summary>The configuration file, as the node sees it.</summary>
    public const string ConfPath = "/etc/qm-fleet/agent.conf";

    private const string Section = "qm-fleet-agent";

    private static readonly Option[] Options =
    [
        new("--controller", "Controller", "https://HOST:PORT", "the controller to report to (required)"),
        new("--root", null, "DIR", "the directory that is the node's / (default /)"),
        new("--pki", "Pki", "DIR", "the node's key and certificates below the root (default /etc/qm-fleet/pki)"),
        new("--node", "Node", "NAME", "the name to join as (default that of the host's BlueChi agent)"),
        new("--ca", "Ca", "FILE", "who the controller is, for a node that joins (PEM; default ca.crt there)"),
        new("--join-token", "JoinToken", "FILE", "what lets it join, mode 0600 (default /etc/qm-fleet/join-token)"),
        new("--archive-ca", "ArchiveCa", "FILE", "authorities (PEM) of archives' servers besides the system's (default none)"),
        new("--state", "State", "DIR", "the agent's memory below the root (default /var/lib/qm-fleet)"),
        new("--systemd-programs", null, "DIR", "the node's systemctl, systemd-run (default /usr/bin, none with --root)"),
        new("--usage-interval", "UsageInterval", "TIME", "between two samples of usage, 1s to 1h (default 10s)"),
        new("--log-level", "LogLevel", "LEVEL", "Trace, Debug, Information, Warning, Error, Critical or None (default Information)"),
    ];

    private readonly List<string> _problems = [];

    private OptionReader()
    {
    }

    /// <summary>The help text.</summary>
    public static string Help { get; } =
        "qm-fleet-agent: the QM Fleet agent extension of one node\n\nUsage: qm-fleet-agent --controller https://HOST:PORT [options]\n\nOptions:\n"
        + string.Concat(Options.Select(option => $"  {option.Flag + " " + option.Value,-34}{option.Help}\n"))
        + $"  {"--help",-34}show this\n  {"--version",-34}show the version\n\n"
        + $"Options other than --root and --systemd-programs can stand as {string.Join(", ", Options.Where(o => o.Key is not null).Select(o => o.Key + "="))} under [{Section}]\n"
        + $"in {ConfPath}; the command line wins.\n";

    /// <summary>Reads the options.</summary>
    /// <returns>The options, or null and every problem as a sentence.</returns>
    public static (AgentOptions? Options, IReadOnlyList<string> Problems) Read(IReadOnlyList<string> arguments)
    {
        var reader = new OptionReader();
        var given = reader.ReadArguments(arguments);
        var root = given.GetValueOrDefault("--root", "/");
        foreach (var (flag, value) in reader.ReadFile(root))
        {
            given.TryAdd(flag, value);
        }

        var options = reader.Check(given, root);
        return (reader._problems.Count == 0 ? options : null, reader._problems);
    }

    private Dictionary<string, string> ReadArguments(IReadOnlyList<string> arguments)
    {
        var given = new Dictionary<string, string>();
        for (var i = 0; i < arguments.Count; i++)
        {
            var (flag, value) = arguments[i].Split('=', 2) is [var left, var right] ? (left, right) : (arguments[i], "");
            if (value.Length == 0 && i + 1 < arguments.Count && Array.Exists(Options, option => option.Flag == arguments[i]))
            {
                value = arguments[++i];
            }

            if (!Array.Exists(Options, option => option.Flag == flag))
            {
                _problems.Add($"{arguments[i]}: no such option; see --help");
            }
            else if (value.Length == 0)
            {
                _problems.Add($"{flag}: a value must follow");
            }
            else if (!given.TryAdd(flag, value))
            {
                _problems.Add($"{flag}: given twice");
            }
        }

        return given;
    }

    private IEnumerable<(string Flag, string Value)> ReadFile(string root)
    {
        string? text = null;
        try
        {
            using var node = NodeRoot.Open(root);
            text = node.ReadText(ConfPath, 64 * 1024);
        }
        catch (NodeFileException e)
        {
            _problems.Add($"--root {root}: {e.Message}");
        }

        foreach (var (number, line) in (text ?? "").Split('\n').Select((line, index) => (index + 1, line.Trim())))
        {
            if (line.Length == 0 || line[0] is '#' or ';' || line == $"[{Section}]")
            {
                continue;
            }

            if (line.Split('=', 2, StringSplitOptions.TrimEntries) is [var key, var value]
                && Array.Find(Options, option => option.Key == key) is { } known)
            {
                yield return (known.Flag, value);
            }
            else
            {
                _problems.Add($"{ConfPath} line {number}: \"{line}\" is not one of {string.Join(", ", Options.Select(o => o.Key).OfType<string>())}=VALUE");
            }
        }
    }

    private AgentOptions? Check(Dictionary<string, string> given, string root)
    {
        Uri? controller = null;
        if (!given.TryGetValue("--controller", out var address))
        {
            _problems.Add("--controller: the controller's address is needed, such as https://fleet.example:8420");
        }
        else if (!Uri.TryCreate(address, UriKind.Absolute, out controller) || controller.Scheme != Uri.UriSchemeHttps || controller.PathAndQuery != "/")
        {
            _problems.Add($"--controller: \"{address}\" is not https://HOST:PORT");
        }

        var level = LogLevel.Information;
        if (given.TryGetValue("--log-level", out var word) && !(Enum.TryParse(word, ignoreCase: true, out level) && Enum.IsDefined(level)))
        {
            _problems.Add($"--log-level: \"{word}\" is not one of {string.Join(", ", Enum.GetNames<LogLevel>())}");
        }

        var interval = TimeSpan.FromSeconds(10);
        if (given.TryGetValue("--usage-interval", out var text)
            && !(Durations.TryParse(text, out interval, out _) && interval >= UsageSampler.IntervalMin && interval <= UsageSampler.IntervalMax))
        {
            _problems.Add($"--usage-interval: \"{text}\" is not a time from 1s to 1h, such as 10s or 5m");
        }

        if (given.TryGetValue("--node", out var node))
        {
            foreach (var problem in NodeParser.Parse(new() { Name = node }).Problems)
            {
                _problems.Add($"--node: {problem.Message}");
            }
        }

        foreach (var (flag, path) in given.Where(pair => pair.Key is "--pki" or "--ca" or "--join-token" or "--archive-ca" or "--state" or "--systemd-programs" && !pair.Value.StartsWith('/')))
        {
            _problems.Add($"{flag}: \"{path}\" is not an absolute path");
        }

        return controller is null ? null : new AgentOptions
        {
            Controller = controller,
            Root = root,
            Pki = given.GetValueOrDefault("--pki", "/etc/qm-fleet/pki"),
            Node = given.GetValueOrDefault("--node"),
            Ca = given.GetValueOrDefault("--ca"),
            JoinToken = given.GetValueOrDefault("--join-token", "/etc/qm-fleet/join-token"),
            ArchiveCa = given.GetValueOrDefault("--archive-ca"),
            State = given.GetValueOrDefault("--state", "/var/lib/qm-fleet"),
            SystemdPrograms = given.GetValueOrDefault("--systemd-programs"),
            UsageInterval = interval,
            LogLevel = level,
        };
    }

    private sealed record Option(string Flag, string? Key, string Value, string Help);
}
