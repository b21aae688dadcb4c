using System.Collections.Immutable;

namespace Qm.Fleet.Core.Environments;

/// <summary>How it is found out whether a workload works, checked; all times are in seconds.</summary>
/// <param name="Action">What is done.</param>
public sealed record LivenessProbe(ProbeAction Action)
{
    /// <summary>From the container's start to the first probe.</summary>
    public int InitialDelaySeconds { get; init; }

    /// <summary>From one probe to the next.</summary>
    public int PeriodSeconds { get; init; } = 10;

    /// <summary>After which a probe has failed; no longer than the period.</summary>
    public int TimeoutSeconds { get; init; } = 1;

    /// <summary>How many must succeed in a row before the workload counts as healthy.</summary>
    public int SuccessThreshold { get; init; } = 1;

    /// <summary>How many must fail in a row before it counts as unhealthy.</summary>
    public int FailureThreshold { get; init; } = 3;
}

/// <summary>What a probe does.</summary>
public abstract record ProbeAction
{
    // An event has a line for it.
    private const int WordsMax = 120;

    private ProbeAction()
    {
    }

    /// <summary>What it does, as a fleet says it, on one line and cut where that is long.</summary>
    public string Words
    {
        get
        {
            var words = this switch
            {
                Exec exec => $"exec {string.Join(' ', exec.Command)}",
                TcpSocket tcp => FormattableString.Invariant($"tcpSocket {tcp.Host}:{tcp.Port}"),
                UnixSocket unix => $"unixSocket {unix.Path}",
                HeartbeatFile file => FormattableString.Invariant($"heartbeatFile {file.Path}, at most {file.MaxAgeSeconds} s old,"),
                _ => "",
            };
            return string.Concat((words.Length > WordsMax ? words[..WordsMax] + "..." : words).Select(static character => char.IsControl(character) ? ' ' : character));
        }
    }

    /// <summary>Runs a command in the container, without a shell; exit code 0 is healthy.</summary>
    /// <param name="Command">The program and its arguments.</param>
    public sealed record Exec(ImmutableArray<string> Command) : ProbeAction;

    /// <summary>Connects over TCP from QM's network.</summary>
    /// <param name="Port">1 to 65535.</param>
    /// <param name="Host">An IP address or localhost.</param>
    public sealed record TcpSocket(int Port, string Host) : ProbeAction;

    /// <summary>Connects to a Unix socket.</summary>
    /// <param name="Path">Absolute, as QM sees it.</param>
    public sealed record UnixSocket(string Path) : ProbeAction;

    /// <summary>Looks at the time of modification of a file.</summary>
    /// <param name="Path">Absolute, as QM sees it.</param>
    /// <param name="MaxAgeSeconds">The greatest age.</param>
    public sealed record HeartbeatFile(string Path, int MaxAgeSeconds) : ProbeAction;
}

/// <summary>A probe as it was received; nothing is checked.</summary>
/// <param name="Action">What is done; null when none is named.</param>
public sealed record LivenessProbeManifest(ProbeAction? Action)
{
    /// <summary>initialDelaySeconds; null when absent.</summary>
    public int? InitialDelaySeconds { get; init; }

    /// <summary>periodSeconds; null when absent.</summary>
    public int? PeriodSeconds { get; init; }

    /// <summary>timeoutSeconds; null when absent.</summary>
    public int? TimeoutSeconds { get; init; }

    /// <summary>successThreshold; null when absent.</summary>
    public int? SuccessThreshold { get; init; }

    /// <summary>failureThreshold; null when absent.</summary>
    public int? FailureThreshold { get; init; }
}
