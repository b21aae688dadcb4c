using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using System.Text;

namespace Qm.Fleet.Core.Environments;

/// <summary>Checks liveness probes, of a manifest and once more on the node.</summary>
public static class LivenessProbeParser
{
    /// <summary>The most workloads with a probe on a node.</summary>
    public const int MaxProbes = 1000;

    /// <summary>The most probes a second on a node: each may start a program there.</summary>
    public const int MaxProbesPerSecond = 10;

    /// <summary>How many probes are under way at once on a node.</summary>
    public const int MaxProbesAtOnce = 8;

    private const int MaxArguments = 64;
    private const int MaxCommandBytes = 4096;
    private const int MaxPathBytes = 4095;
    private const int MaxSeconds = 86400;
    private const int MaxThreshold = 1000;
    private const int MaxPort = 65535;

    /// <summary>Checks one probe; all problems at once.</summary>
    /// <param name="declared">As it was received.</param>
    /// <param name="path">Where it stands, for the problems.</param>
    public static Parsed<LivenessProbe> Parse(LivenessProbeManifest declared, string path)
    {
        var problems = new ProblemList();
        var probe = Parse(declared, problems, path);
        return new(probe, problems.Found);
    }

    /// <summary>Checks that a node can keep up with its probes.</summary>
    /// <param name="probes">All of a node.</param>
    /// <returns>A sentence for each bound they exceed together.</returns>
    public static IEnumerable<string> CheckLoad(IReadOnlyCollection<LivenessProbe> probes)
    {
        if (probes.Count > MaxProbes)
        {
            yield return string.Create(CultureInfo.InvariantCulture, $"{probes.Count} workloads have a livenessProbe; at most {MaxProbes} can be probed on a node");
        }

        var rate = probes.Sum(probe => 1.0 / probe.PeriodSeconds);
        if (rate > MaxProbesPerSecond)
        {
            yield return string.Create(CultureInfo.InvariantCulture,
                $"the probes come to {rate:0.#} a second, and a node makes at most {MaxProbesPerSecond}; make periodSeconds longer, or probe fewer workloads");
        }

        // When all of them run into their timeouts, each must still have its turn.
        var atOnce = probes.Sum(probe => (double)probe.TimeoutSeconds / probe.PeriodSeconds);
        if (atOnce > MaxProbesAtOnce)
        {
            yield return string.Create(CultureInfo.InvariantCulture,
                $"if none of them answers, {atOnce:0.#} probes are under way at once, and a node makes at most {MaxProbesAtOnce}; make timeoutSeconds shorter, or periodSeconds longer");
        }
    }

    internal static LivenessProbe? Parse(LivenessProbeManifest declared, ProblemList problems, string path)
    {
        var defaults = new LivenessProbe(new ProbeAction.Exec([]));
        var period = Number(declared.PeriodSeconds, defaults.PeriodSeconds, 1, MaxSeconds, problems, $"{path}.periodSeconds");
        var timeout = Number(declared.TimeoutSeconds, defaults.TimeoutSeconds, 1, MaxSeconds, problems, $"{path}.timeoutSeconds");
        if (timeout > period)
        {
            problems.Add($"{path}.timeoutSeconds", string.Create(CultureInfo.InvariantCulture,
                $"{timeout} is longer than periodSeconds ({period}); the next probe would be due before this one has failed"));
        }

        var probe = defaults with
        {
            InitialDelaySeconds = Number(declared.InitialDelaySeconds, defaults.InitialDelaySeconds, 0, MaxSeconds, problems, $"{path}.initialDelaySeconds"),
            PeriodSeconds = period,
            TimeoutSeconds = timeout,
            SuccessThreshold = Number(declared.SuccessThreshold, defaults.SuccessThreshold, 1, MaxThreshold, problems, $"{path}.successThreshold"),
            FailureThreshold = Number(declared.FailureThreshold, defaults.FailureThreshold, 1, MaxThreshold, problems, $"{path}.failureThreshold"),
        };
        return ParseAction(declared.Action, problems, path) is { } action ? probe with { Action = action } : null;
    }

    private static ProbeAction? ParseAction(ProbeAction? declared, ProblemList problems, string path)
    {
        switch (declared)
        {
            case ProbeAction.Exec exec:
                CheckCommand(exec.Command, problems, $"{path}.exec.command");
                return exec;
            case ProbeAction.TcpSocket tcp:
                problems.Check($"{path}.tcpSocket.port", tcp.Port is >= 1 and <= MaxPort ? null
                    : string.Create(CultureInfo.InvariantCulture, $"{tcp.Port} is not a port; expected 1 to {MaxPort}"));
                var host = tcp.Host.Length == 0 ? "127.0.0.1" : tcp.Host;
                problems.Check($"{path}.tcpSocket.host", IsAddress(host) ? null
                    : $"\"{Show(host)}\" is neither an IP address nor localhost; a name would make the probe depend on a name server");
                return tcp with { Host = host };
            case ProbeAction.UnixSocket unix:
                CheckPath(unix.Path, problems, $"{path}.unixSocket.path");
                return unix;
            case ProbeAction.HeartbeatFile file:
                CheckPath(file.Path, problems, $"{path}.heartbeatFile.path");
                Number(file.MaxAgeSeconds, 0, 1, MaxSeconds, problems, $"{path}.heartbeatFile.maxAgeSeconds");
                return file;
            default:
                problems.Add(path, "says nothing that is to be done; expected one of exec, tcpSocket, unixSocket and heartbeatFile");
                return null;
        }
    }

    private static int Number(int? declared, int absent, int least, int most, ProblemList problems, string path)
    {
        if (declared is { } number && (number < least || number > most))
        {
            problems.Add(path, string.Create(CultureInfo.InvariantCulture, $"{number} is not from {least} to {most}"));
            return absent;
        }

        return declared ?? absent;
    }

    private static void CheckCommand(ImmutableArray<string> command, ProblemList problems, string path)
    {
        if (command is [] or ["", ..])
        {
            problems.Add(path, "names no program; it is run without a shell, so that the first entry is the program and each further one an argument");
        }

        if (command.Length > MaxArguments)
        {
            problems.Add(path, string.Create(CultureInfo.InvariantCulture, $"has {command.Length} entries; at most {MaxArguments} are taken. Put what is to be done into a program of the container"));
        }

        // As the kernel counts them, with the zero after each.
        if (command.Sum(word => Encoding.UTF8.GetByteCount(word) + 1) is > MaxCommandBytes and var bytes)
        {
            problems.Add(path, string.Create(CultureInfo.InvariantCulture, $"has {bytes} bytes; at most {MaxCommandBytes} are taken. Put what is to be done into a program of the container"));
        }

        for (var index = 0; index < command.Length; index++)
        {
            if (command[index].Any(character => char.IsControl(character) && character is not ('\t' or '\n')))
            {
                problems.Add(string.Create(CultureInfo.InvariantCulture, $"{path}[{index}]"), "holds a control character; only tab and newline are taken");
            }
        }
    }

    private static void CheckPath(string path, ProblemList problems, string at) => problems.Check(at, path switch
    {
        [] => "a path is required, as QM sees it, such as /run/radio/alive",
        _ when path.Any(char.IsControl) => "holds a control character",
        [not '/', ..] => $"\"{Show(path)}\" is not absolute; it must begin with '/', QM's own root",
        _ when path.Split('/').Contains("..") => $"\"{Show(path)}\" holds \"..\"; write the path without",
        [.., '/'] => $"\"{Show(path)}\" is a directory's; expected a file or socket",
        _ when Encoding.UTF8.GetByteCount(path) > MaxPathBytes => $"is longer than {MaxPathBytes} bytes",
        _ => null,
    });

    // IPAddress also takes "1" and "0x7f.1", which people do not mean; and a scope names an interface of the host.
    private static bool IsAddress(string host) => host == "localhost"
        || (IPAddress.TryParse(host, out var address) && !host.Contains('%', StringComparison.Ordinal) && !host.StartsWith('[')
            && (host.Contains(':', StringComparison.Ordinal) || address.ToString() == host));

    private static string Show(string text) => string.Concat(text.Take(100).Select(character => char.IsControl(character) ? '?' : character));
}
