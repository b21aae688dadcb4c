using System.CommandLine;
using Qm.Fleet.Cli.Completion;
using Qm.Fleet.Cli.Contexts;
using Qm.Fleet.Cli.Output;
using Qm.Fleet.Core.Secrets;

namespace Qm.Fleet.Cli.Connection;

/// <summary>Options of every verb: which server, as whom, and for how long.</summary>
internal sealed class GlobalOptions
{
    internal const string DefaultServer = "unix:/run/qm-fleet/qmfleet.sock";

    private const long MaxTokenFile = 64 * 1024;

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
        Description = "Directory with ca.crt, admin.crt and admin.key for https, with ca.crt alone where there is a token; QMFLEET_PKI says it, too",
        HelpName = "dir",
        Recursive = true,
    };

    private readonly Option<string?> _token = new("--token")
    {
        Description = "Bearer token for https, instead of a certificate; QMFLEET_TOKEN says it, too, and does not show it in the list of processes",
        HelpName = "secret",
        Recursive = true,
    };

    private readonly Option<string?> _tokenFile = new("--token-file")
    {
        Description = "File with the bearer token, which each command reads anew; QMFLEET_TOKEN_FILE says it, too",
        HelpName = "path",
        Recursive = true,
    };

    private readonly Option<string?> _context = new("--context")
    {
        Description = "The server and certificates of this context; qmfleet config get-contexts lists them",
        HelpName = "name",
        Recursive = true,
    };

    private readonly Option<string?> _timeout = new("--timeout")
    {
        Description = "How long to wait, such as 90s or 5m: what changes things for its end [default: 5m], the others for an answer [default: 30s]",
        HelpName = "time",
        Recursive = true,
    };

    private readonly Option<bool> _verbose = new("--verbose", "-v") { Description = "Show on stderr what is asked of the server and what it answers, without secrets", Recursive = true };

    internal void AddTo(Command root)
    {
        Names.OfContexts(_context);
        root.Add(_server);
        root.Add(_pki);
        root.Add(_token);
        root.Add(_tokenFile);
        root.Add(_context);
        root.Add(_timeout);
        root.Add(_verbose);
    }

    /// <summary>Which arguments take names that the server knows.</summary>
    internal LiveNames Names { get; } = new();

    /// <summary>Whether everything shall be told.</summary>
    internal bool IsVerbose(ParseResult parsed) => parsed.GetValue(_verbose);

    /// <summary>What the line itself says of a server; null for what it does not.</summary>
    internal (string? Server, string? Pki, Secret? Token, string? TokenFile) Given(ParseResult parsed) =>
        OfLine(parsed) is var (token, file) ? (parsed.GetValue(_server), parsed.GetValue(_pki), token, file) : default;

    /// <summary>The server that a command is for, for messages.</summary>
    internal string ServerOf(ParseResult parsed, CliContext context) => TargetOf(parsed, context).Server;

    /// <summary>How long a verb waits for the end of what it began.</summary>
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

    private FleetConnection Open(ParseResult parsed, CliContext context, TimeSpan answer)
    {
        var target = TargetOf(parsed, context);
        if (parsed.GetValue(_tokenFile) is not null)
        {
            target = WithToken(target);
        }

        if (parsed.GetValue(_token) is not null || parsed.GetValue(_tokenFile) is not null)
        {
            FleetConnection.CheckToken(target);
        }

        // Where none can be sent none is read: a variable may be set for other servers.
        return FleetConnection.Open(FleetConnection.Check(target.Server) is null ? target : WithToken(target), CallsOf(parsed, context, answer));
    }

    // What the line says, then a context it names, then the environment, then the current context.
    private FleetContext TargetOf(ParseResult parsed, CliContext context)
    {
        var named = parsed.GetValue(_context);
        var (server, pki) = (parsed.GetValue(_server), parsed.GetValue(_pki) ?? Variable(context, "QMFLEET_PKI"));
        var (line, environment) = (OfLine(parsed), (Token: Secret(Variable(context, "QMFLEET_TOKEN")), File: Variable(context, "QMFLEET_TOKEN_FILE")));
        if (server is null && named is null)
        {
            server = Variable(context, "QMFLEET_SERVER");
        }

        if (server is not null && named is null)
        {
            var said = First(line, environment);
            return new("", server, pki, said.Token, said.File);
        }

        var file = ContextFile.Find(context) is { } path ? ContextFile.Read(path) : new("", "", []);
        var chosen = named is not null || file.Current.Length > 0 ? file.Find(named ?? file.Current) : new("", DefaultServer, null, null);
        var nearest = First(line, (chosen.Token, chosen.TokenFile), environment);
        return new(chosen.Name, server ?? chosen.Server, parsed.GetValue(_pki) ?? chosen.Pki ?? pki, nearest.Token, nearest.File);
    }

    private (Secret? Token, string? File) OfLine(ParseResult parsed) => (Secret(parsed.GetValue(_token)), parsed.GetValue(_tokenFile));

    private static (Secret? Token, string? File) First(params ReadOnlySpan<(Secret? Token, string? File)> said)
    {
        foreach (var one in said)
        {
            if (one.Token is not null || one.File is not null)
            {
                return one;
            }
        }

        return default;
    }

    private static FleetContext WithToken(FleetContext target) => target.Token is null && target.TokenFile is { } path ? target with { Token = ReadToken(path) } : target;

    private static Secret ReadToken(string path)
    {
        try
        {
            return new FileInfo(path).Length <= MaxTokenFile ? new(File.ReadAllText(path).Trim())
                : throw new CliException(ExitCode.Invalid, $"--token-file {path}: larger than {MaxTokenFile >> 10} KiB; this is no token");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException(ExitCode.Invalid, $"--token-file {path}: {e.Message}");
        }
    }

    private Calls CallsOf(ParseResult parsed, CliContext context, TimeSpan answer) => new(context, answer, parsed.GetValue(_verbose));

    private TimeSpan Timeout(ParseResult parsed, TimeSpan unlessGiven) =>
        parsed.GetValue(_timeout) is { } given ? Durations.Parse("--timeout", given) : unlessGiven;

    private static Secret? Secret(string? text) => text is null ? null : new(text);

    private static string? Variable(CliContext context, string name) => context.Environment(name) is { Length: > 0 } value ? value : null;
}
