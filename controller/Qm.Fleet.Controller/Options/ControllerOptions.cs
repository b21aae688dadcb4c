using System.Net;
using Microsoft.Extensions.Options;
using Qm.Fleet.Controller.Security;
using Qm.Fleet.Core.Reconcile;

namespace Qm.Fleet.Controller.Options;

/// <summary>How the daemon runs. To add one: a property with its default and bounds here, a check below, an option in CommandLine, a line in ControllerSettings.</summary>
internal sealed class ControllerOptions
{
    /// <summary>Absolute folder of everything that lasts: the database and the keys. One process at a time.</summary>
    public string State { get; set; } = "/var/lib/qm-fleet-controller";

    /// <summary>D-Bus address of the local site's BlueChi, "system" for the system bus, or "ssh:[USER@]HOST" for that of another host.</summary>
    public string Bus { get; set; } = "system";

    /// <summary>IP address and port (0 for any free one) of the TLS listener.</summary>
    public string Listen { get; set; } = "127.0.0.1:8420";

    /// <summary>Host names and IP addresses, beside this host's own, that nodes and people reach the TLS listener under; they stand in its certificate.</summary>
    public IReadOnlyList<string> Names { get; set; } = [];

    /// <summary>Absolute path of the Unix socket of gRPC, at most 102 bytes.</summary>
    public string Socket { get; set; } = "/run/qm-fleet/qmfleet.sock";

    /// <summary>The Unix socket of REST, beside the other: <c>qmfleet-rest.sock</c>.</summary>
    public string RestSocket => Path.Combine(Path.GetDirectoryName(Socket) ?? "", $"{Path.GetFileNameWithoutExtension(Socket)}-rest{Path.GetExtension(Socket)}");

    /// <summary>Loopback address and port (0 for any free one) the metrics are read on, or "off".</summary>
    public string Metrics { get; set; } = "127.0.0.1:9464";

    /// <summary>Longest time between two signs of life of an agent, 100 ms to 60 s; an agent silent for three of them counts as lost.</summary>
    public TimeSpan ReportInterval { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Time between two looks of an agent at what QM uses, 1 s to 1 h; zero for none.</summary>
    public TimeSpan UsageInterval { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>
    /// How long a node waits for the confirmation of a change that could cut it off, 1 s to 30 min, before it goes back by itself; a start of QM or of a
    /// workload that comes with the change is granted time of its own.
    /// </summary>
    public TimeSpan LinkConfirmWithin { get; set; } = ConfirmDeadline.Link;

    /// <summary>Which nodes join without a person and without a join token.</summary>
    public AutoApproval AutoApprove { get; set; } = AutoApproval.None;

    /// <summary>Most bytes that the archives of the controller's own store take together, 1 MiB to 16 TiB.</summary>
    public long ArtifactSpaceBytes { get; set; } = 16L << 30;

    /// <summary>How long certificates last that the controller makes, 10 s to 825 d; its own and those of nodes are renewed at two thirds of that.</summary>
    public TimeSpan CertificateLife { get; set; } = CertificateLives.Default.Leaf;

    /// <summary>How long a certificate authority lasts that the controller makes, as long as other certificates to 7300 d.</summary>
    public TimeSpan AuthorityLife { get; set; } = CertificateLives.Default.Authority;

    /// <summary>How long at least the old certificate authority stays in force beside the new one, before it retires by itself once nobody has a certificate of it: 1 min to 366 d.</summary>
    public TimeSpan AuthorityOverlap { get; set; } = TimeSpan.FromDays(30);

    /// <summary>How much one client may take.</summary>
    public ControllerLimits Limits { get; set; } = new();

    /// <summary>Whether a node's agent is refused when it dials in from another address than the one BlueChi has of the node.</summary>
    public bool RequirePeerMatch { get; set; }

    /// <summary>Whose tokens are taken beside the controller's own.</summary>
    public OidcOptions Oidc { get; set; } = new();

    /// <summary>The options that stood on the command line, as it names them; the others have their defaults.</summary>
    public IReadOnlySet<string> Given { get; set; } = System.Collections.Frozen.FrozenSet<string>.Empty;

    /// <summary><see cref="Listen"/>, once validated.</summary>
    public IPEndPoint ListenEndPoint => IPEndPoint.Parse(Listen);

    /// <summary><see cref="Metrics"/>, once validated; null for off.</summary>
    public IPEndPoint? MetricsEndPoint => Metrics == "off" ? null : IPEndPoint.Parse(Metrics);
}

/// <summary>Which nodes join without a person and without a join token.</summary>
internal enum AutoApproval
{
    /// <summary>None.</summary>
    None,

    /// <summary>Those that BlueChi has connected from the very address they ask from.</summary>
    BlueChiPeerMatch,
}

/// <summary>Finds every problem of the options at once.</summary>
internal sealed class ControllerOptionsValidator : IValidateOptions<ControllerOptions>
{
    private static readonly TimeSpan ShortestCertificateLife = TimeSpan.FromSeconds(10);

    private const int MaxSocketPathBytes = 107;
    private static readonly string[] BusTransports = ["unix:", "tcp:", "unixexec:", "ssh:"];

    /// <inheritdoc/>
    public ValidateOptionsResult Validate(string? name, ControllerOptions options)
    {
        var problems = new List<string>();
        if (!Path.IsPathFullyQualified(options.State))
        {
            problems.Add($"--state: \"{options.State}\" is not an absolute path; the working directory of a daemon is nobody's promise");
        }
        if (options.Bus != "system" && !BusTransports.Any(transport => options.Bus.StartsWith(transport, StringComparison.Ordinal)))
        {
            problems.Add($"--bus: \"{options.Bus}\" is not a D-Bus address; expected \"system\", ssh:HOST, or one such as unix:path=/run/dbus/system_bus_socket");
        }
        if (!IsEndPoint(options.Listen, out _))
        {
            problems.Add($"--listen: \"{options.Listen}\" is not an IP address and a port, such as 127.0.0.1:8420 or [::]:8420");
        }
        problems.AddRange(options.Names.Where(static name => Uri.CheckHostName(name) == UriHostNameType.Unknown).Select(static name =>
            $"--name: \"{name}\" is neither a host name nor an IP address"));
        if (!Path.IsPathFullyQualified(options.Socket))
        {
            problems.Add($"--socket: \"{options.Socket}\" is not an absolute path");
        }
        else if (System.Text.Encoding.UTF8.GetByteCount(options.RestSocket) > MaxSocketPathBytes)
        {
            problems.Add($"--socket: \"{options.Socket}\", with -rest for the socket of REST, is longer than the {MaxSocketPathBytes} bytes a Unix socket's path may have");
        }
        if (options.Metrics != "off" && !(IsEndPoint(options.Metrics, out var metrics) && IPAddress.IsLoopback(metrics.Address)))
        {
            problems.Add($"--metrics: \"{options.Metrics}\" is not a loopback address and a port, such as 127.0.0.1:9464, nor \"off\"; "
                + "the metrics are not authenticated, so only this machine may read them");
        }
        if (options.ReportInterval < TimeSpan.FromMilliseconds(100) || options.ReportInterval > TimeSpan.FromMinutes(1))
        {
            problems.Add($"--report-interval: {options.ReportInterval.TotalMilliseconds} ms is not within 100 and 60000");
        }
        if (options.UsageInterval != TimeSpan.Zero && (options.UsageInterval < TimeSpan.FromSeconds(1) || options.UsageInterval > TimeSpan.FromHours(1)))
        {
            problems.Add($"--usage-interval: {options.UsageInterval.TotalMilliseconds} ms is neither 0 nor within 1000 and 3600000");
        }
        if (options.LinkConfirmWithin < TimeSpan.FromSeconds(1) || options.LinkConfirmWithin > ConfirmDeadline.Other)
        {
            problems.Add($"--link-confirm-within: {options.LinkConfirmWithin.TotalMilliseconds} ms is not within 1000 and {ConfirmDeadline.Other.TotalMilliseconds}");
        }
        if (options.ArtifactSpaceBytes is < 1L << 20 or > 16L << 40)
        {
            problems.Add($"--artifact-space: {options.ArtifactSpaceBytes >> 20} MiB is not within 1 and {16L << 20}");
        }
        if (options.CertificateLife < ShortestCertificateLife || options.CertificateLife > TimeSpan.FromDays(825))
        {
            problems.Add($"--certificate-life: {options.CertificateLife.TotalMinutes} min is not within {ShortestCertificateLife.TotalMinutes:0.###} and {TimeSpan.FromDays(825).TotalMinutes}");
        }
        if (options.AuthorityLife < options.CertificateLife || options.AuthorityLife > TimeSpan.FromDays(7300))
        {
            problems.Add($"--authority-life: {options.AuthorityLife.TotalMinutes} min is not within {options.CertificateLife.TotalMinutes}, the --certificate-life, and {TimeSpan.FromDays(7300).TotalMinutes}");
        }
        if (options.AuthorityOverlap < TimeSpan.FromMinutes(1) || options.AuthorityOverlap > TimeSpan.FromDays(366))
        {
            problems.Add($"--authority-overlap: {options.AuthorityOverlap.TotalMinutes} min is not within 1 and {TimeSpan.FromDays(366).TotalMinutes}");
        }
        problems.AddRange(LimitOption.All.Select(limit => limit.Problem(options.Limits)).OfType<string>());
        problems.AddRange(options.Oidc.Problems());
        return problems.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(problems);
    }

    /// <summary>Unlike <see cref="IPEndPoint.TryParse(string, out IPEndPoint)"/>, takes no address without a port.</summary>
    private static bool IsEndPoint(string text, out IPEndPoint endPoint)
    {
        var isEndPoint = IPEndPoint.TryParse(text, out var parsed)
            && text.EndsWith($":{parsed.Port}", StringComparison.Ordinal) && text.Contains('.') | text.Contains(']');
        endPoint = parsed ?? new IPEndPoint(IPAddress.None, 0);
        return isEndPoint;
    }
}
