using System.CommandLine;
using Qm.Fleet.Cli.Output;

namespace Qm.Fleet.Cli.Connection;

/// <summary>Options of every verb: which server, as whom, and for how long.</summary>
internal sealed class GlobalOptions
{
    internal const string DefaultServer = "unix:/run/qm-fleet/qmfleet.sock";

    private static readonly TimeSpan DefaultAnswer = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan DefaultRollout = TimeSpan.FromMinutes(5);

    private readonly Option<string?> _server = new("--server")
    {
        Description = $"unix:/path or https://host:port; QMFLEET_SERVER says it, too [default: {DefaultServer}]",
        HelpName = "address",
        Recursive = true,
    };

    private readonly Option<string?> _pki = new("--pki")
    {
        Description = "Directory with ca.crt, admin.crt and admin.key for https; QMFLEET_PKI says it, too",
        HelpName = "dir",
        Recursive = true,
    };

    private readonly Option<string?> _timeout = new("--timeout")
    {
        Description = "How long to wait, such as 90s or 5m: apply for its nodes [default: 5m], the others for an answer [default: 30s]",
        HelpName = "time",
        Recursive = true,
    };

    private readonly Option<bool> _verbose = new("--verbose", "-v") { Description = "Show every call to the server on stderr", Recursive = true };

    internal void AddTo(Command root)
    {
        root.Add(_server);
        root.Add(_pki);
        root.Add(_timeout);
        root.Add(_verbose);
    }

    internal string ServerOf(ParseResult parsed, CliContext context) => Given(parsed, context, _server, "QMFLEET_SERVER") ?? DefaultServer;

    /// <summary>How long apply waits for the nodes.</summary>
    /// <exception cref="CliException">--timeout is not a time.</exception>
    internal TimeSpan RolloutTimeout(ParseResult parsed) => Timeout(parsed, DefaultRollout);

    /// <summary>Prepares a connection; nothing is sent before the first call.</summary>
    /// <exception cref="CliException">The address, the certificates or --timeout cannot be used.</exception>
    internal FleetConnection Connect(ParseResult parsed, CliContext context) => Open(parsed, context, Timeout(parsed, DefaultAnswer));

    /// <summary>Prepares a connection whose answers may take no longer than usual, however long the nodes may take.</summary>
    /// <inheritdoc cref="Connect"/>
    internal FleetConnection ConnectToWait(ParseResult parsed, CliContext context) =>
        Open(parsed, context, Timeout(parsed, DefaultAnswer) is var given && given < DefaultAnswer ? given : DefaultAnswer);

    /// <summary>Prepares a connection to a lab; nothing is sent before the first call.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="context">The time, and where -v shows.</param>
    /// <param name="directory">The lab's directory; null for that of the server's socket.</param>
    /// <exception cref="CliException">No lab can be where the server is, or --timeout cannot be used.</exception>
    internal LabConnection ConnectToLab(ParseResult parsed, CliContext context, string? directory) =>
        LabConnection.Open(directory, ServerOf(parsed, context), CallsOf(parsed, context, Timeout(parsed, DefaultAnswer)));

    private FleetConnection Open(ParseResult parsed, CliContext context, TimeSpan answer) => FleetConnection.Open(
        ServerOf(parsed, context), Given(parsed, context, _pki, "QMFLEET_PKI"), CallsOf(parsed, context, answer));

    private Calls CallsOf(ParseResult parsed, CliContext context, TimeSpan answer) => new(context, answer, parsed.GetValue(_verbose));

    private TimeSpan Timeout(ParseResult parsed, TimeSpan unlessGiven) =>
        parsed.GetValue(_timeout) is { } given ? Durations.Parse("--timeout", given) : unlessGiven;

    private static string? Given(ParseResult parsed, CliContext context, Option<string?> option, string variable) =>
        parsed.GetValue(option) ?? (context.Environment(variable) is { Length: > 0 } value ? value : null);
}
