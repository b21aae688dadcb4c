using System.Collections.Immutable;
using System.Globalization;

namespace Qm.Fleet.Core.Environments;

/// <summary>Checks settings of the BlueChi agent inside QM (agent.conf(5); BlueChi itself ignores unknown keys and bad sections in silence).</summary>
internal static class AgentConfParser
{
    // BlueChi's parser splits a longer line, and the rest of it is an error that stops the agent.
    private const int MaxLine = 500;

    private static readonly string[] LogLevels = ["DEBUG", "INFO", "WARN", "ERROR"];
    private static readonly string[] LogTargets = ["journald", "stderr", "stderr-full"];
    private static readonly string[] Booleans = ["true", "false", "yes", "no", "on", "off"];

    private static readonly ImmutableSortedDictionary<string, Func<string, string?>> Keys = new Dictionary<string, Func<string, string?>>
    {
        ["ControllerHost"] = Host,
        ["ControllerPort"] = Number(0, 65_535),
        ["ControllerAddress"] = Address,
        ["HeartbeatInterval"] = Number(0, int.MaxValue),
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

    internal static ImmutableSortedDictionary<string, string> Parse(IReadOnlyDictionary<string, string> declared, ProblemList problems, string path)
    {
        foreach (var (key, value) in declared.OrderBy(entry => entry.Key, StringComparer.Ordinal))
        {
            var at = $"{path}.{key}";
            if (key == "NodeName")
            {
                problems.Add(at, "NodeName is always qm. and the node's name, and is written by QM Fleet", Rules.OwnedElsewhere);
            }
            else if (!Keys.TryGetValue(key, out var check))
            {
                problems.Add(at, $"not a key of agent.conf; known are {string.Join(", ", Keys.Keys)}");
            }
            else if (value.Any(char.IsControl) || key.Length + 1 + value.Length > MaxLine)
            {
                problems.Add(at, $"the line would hold a control character or more than {MaxLine} characters, which BlueChi does not read");
            }
            else
            {
                problems.Check(at, check(value), key.StartsWith("Controller", StringComparison.Ordinal) && key is "ControllerHost" or "ControllerAddress" ? Rules.UnreachableAddress : null);
            }
        }

        return declared.ToImmutableSortedDictionary(StringComparer.Ordinal);
    }

    private static Func<string, string?> Number(long least, long most) => value =>
        long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most
            ? null
            : $"\"{value}\" is not a whole number from {least} to {most}, without a unit";

    private static Func<string, string?> OneOf(string[] words) => value =>
        words.Contains(value) ? null : $"\"{value}\" is none of {string.Join(", ", words)}";

    private static string? Host(string value) => value switch
    {
        "" => "a host is required",
        "localhost" or "::1" => Loopback(value),
        _ when value.StartsWith("127.", StringComparison.Ordinal) => Loopback(value),
        _ => null,
    };

    private static string? Address(string value)
    {
        var colon = value.IndexOf(':', StringComparison.Ordinal);
        if (colon <= 0 || value[..colon] is not ("unix" or "tcp"))
        {
            return $"\"{value}\" is not a D-Bus address; expected unix:path=... or tcp:host=...,port=...";
        }

        var host = value[(colon + 1)..].Split(',').FirstOrDefault(part => part.StartsWith("host=", StringComparison.Ordinal))?["host=".Length..];
        return host is null ? null : Host(host);
    }

    private static string Loopback(string host) =>
        $"{host} inside QM is QM itself, not the node: QM has a network of its own; use the controller's address or a socket that is mounted into QM";
}
