using System.CommandLine;

namespace Qm.Fleet.Cli.Connection;

/// <summary>Options of every verb: which server, and as whom.</summary>
internal sealed class GlobalOptions
{
    internal const string DefaultServer = "unix:/run/qm-fleet/qmfleet.sock";

    private readonly Option<string?> _server = new("--server")
    {
        Description = $"unix:/path or https://host:port; QMFLEET_SERVER says it, too. Default: {DefaultServer}",
        Recursive = true,
    };

    private readonly Option<string?> _pki = new("--pki")
    {
        Description = "Directory with ca.crt, admin.crt and admin.key for https; QMFLEET_PKI says it, too",
        Recursive = true,
    };

    private readonly Option<bool> _verbose = new("--verbose", "-v") { Description = "Show every call to the server", Recursive = true };

    internal void AddTo(Command root)
    {
        root.Add(_server);
        root.Add(_pki);
        root.Add(_verbose);
    }

    internal string ServerOf(ParseResult parsed, CliContext context) =>
        parsed.GetValue(_server) ?? context.Environment("QMFLEET_SERVER") ?? DefaultServer;

    internal FleetConnection Connect(ParseResult parsed, CliContext context) => FleetConnection.Open(
        ServerOf(parsed, context),
        parsed.GetValue(_pki) ?? context.Environment("QMFLEET_PKI"),
        parsed.GetValue(_verbose) ? context : null);
}
