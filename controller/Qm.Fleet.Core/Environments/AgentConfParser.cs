using System.Collections.Immutable;
using System.Globalization;
using System.Text;

namespace Qm.Fleet.Core.Environments;

/// <summary>Checks settings of a node's BlueChi agents (agent.conf(5); BlueChi itself ignores unknown keys and bad sections in silence).</summary>
internal static class AgentConfParser
{
    // BlueChi's parser splits a longer line, and the rest of it is an error that stops the agent.
    private const int MaxLineBytes = 500;

    private static readonly string[] LogLevels = ["DEBUG", "INFO", "WARN", "ERROR"];
    private static readonly string[] LogTargets = ["journald", "stderr", "stderr-full"];
    private static readonly string[] Booleans = ["true", "false", "yes", "no", "on", "off"];

    private static readonly ImmutableSortedDictionary<string, Check> HostKeys = KeysOf(ControllerAddress.OnHost);
    private static readonly ImmutableSortedDictionary<string, Check> QmKeys = KeysOf(ControllerAddress.InsideQm);

    // What is wrong with a value, and the rule it breaks; null when nothing is.
    private delegate (string Message, string? Rule)? Check(string value);

    /// <summary>Checks settings of the host's agent.</summary>
    internal static ImmutableSortedDictionary<string, string> ParseHost(IReadOnlyDictionary<string, string> declared, ProblemList problems, string path) =>
        Parse(declared, HostKeys, new("NodeName is the name the node is known by: under another it would be another node; rename it on the node itself", Rules.LinkSafety), problems, path);

    /// <summary>Checks settings of the agent inside QM.</summary>
    internal static ImmutableSortedDictionary<string, string> ParseQm(IReadOnlyDictionary<string, string> declared, ProblemList problems, string path) =>
        Parse(declared, QmKeys, new("NodeName is always qm. and the node's name, and is written by QM Fleet", Rules.OwnedElsewhere), problems, path);

    private static ImmutableSortedDictionary<string, Check> KeysOf(ControllerAddress address) => new Dictionary<string, Check>
    {
        ["ControllerHost"] = address.CheckHost,
        ["ControllerPort"] = Number(0, 65_535),
        ["ControllerAddress"] = address.Check,
        ["HeartbeatInterval"] = Heartbeat,
        ["ControllerHeartbeatThreshold"] = Number(0, int.MaxValue),
        ["ConnectionRetryCountUntilQuiet"] = Number(0, int.MaxValue),
        ["LogLevel"] = OneOf(LogLevels),
        ["LogTarget"] = OneOf(LogTargets),
        ["LogIsQuiet"] = OneOf(Booleans),
        ["IPReceiveErrors"] = OneOf(Booleans),
        ["TCPKeepAliveTime"] = Number(0, 32_767),
        ["TCPKeepAliveInterval"] = Number(0, 32_767),
        ["TCPKeepAliveCount"] = Number(0, 127),
    }.ToImmutableSortedDictionary(StringComparer.Ordinal);

    private static ImmutableSortedDictionary<string, string> Parse(
        IReadOnlyDictionary<string, string> declared, ImmutableSortedDictionary<string, Check> keys, (string Message, string Rule) nodeName, ProblemList problems, string path)
    {
        foreach (var (key, value) in declared.OrderBy(entry => entry.Key, StringComparer.Ordinal))
        {
            var at = $"{path}.{key}";
            if (key == "NodeName")
            {
                problems.Add(at, nodeName.Message, nodeName.Rule);
            }
            else if (!keys.TryGetValue(key, out var check))
            {
                problems.Add(at, $"not a key of agent.conf; known are {string.Join(", ", keys.Keys)}");
            }
            else if (value.Any(char.IsControl) || Encoding.UTF8.GetByteCount(value) + key.Length + 1 > MaxLineBytes)
            {
                problems.Add(at, $"the line would hold a control character or more than {MaxLineBytes} bytes, which BlueChi does not read");
            }
            else if (check(value) is var (message, rule))
            {
                problems.Add(at, message, rule);
            }
        }

        return declared.ToImmutableSortedDictionary(StringComparer.Ordinal);
    }

    private static Check Number(long least, long most) => value =>
        long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most
            ? null
            : ($"\"{value}\" is not a whole number from {least} to {most}, without a unit", null);

    // The interval is also the time between two attempts to connect: without it an agent that lost its controller stays away.
    private static (string, string?)? Heartbeat(string value) =>
        value.Length > 0 && value.All(character => character == '0')
            ? ("0 stops the agent from ever connecting again once it lost its controller; expected milliseconds, such as 2000", Rules.LinkSafety)
            : Number(1, int.MaxValue)(value);

    private static Check OneOf(string[] words) => value =>
        words.Contains(value) ? null : ($"\"{value}\" is none of {string.Join(", ", words)}", null);
}
