using System.CommandLine;
using System.Text.Json.Nodes;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Contexts;
using Qm.Fleet.Cli.Output;
using Command = System.CommandLine.Command;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>config: servers under names, as kubectl has contexts.</summary>
internal static class ConfigVerb
{
    internal static Command Make(GlobalOptions global, CliContext context) => new("config", """
        Keeps servers, and who you are there, under names. They stand in ~/.config/qmfleet/config.yaml, or in what QMFLEET_CONFIG names.
        What holds: --server, then --context, then QMFLEET_SERVER, then the current context, then the socket of this machine.

        Examples:
          qmfleet config set-context bench --server https://bench:8420 --pki ~/pki
          qmfleet config use-context bench
          qmfleet config get-contexts
          qmfleet get nodes --context bench
        """)
    {
        GetContexts(context), CurrentContext(context), UseContext(global, context), SetContext(global, context), DeleteContext(global, context), View(context),
    };

    private static Command GetContexts(CliContext context)
    {
        var output = new Option<string>("--output", "-o") { Description = "How to show them: table or name", HelpName = "format", DefaultValueFactory = _ => "table" };
        output.AcceptOnlyFromAmong("table", "name");
        var noHeaders = new Option<bool>("--no-headers") { Description = "Leave out the heads of columns" };
        var command = new Command("get-contexts", """
            Shows the contexts there are, the current one with a star.

            Examples:
              qmfleet config get-contexts
              qmfleet config get-contexts -o name
            """) { output, noHeaders };
        command.SetAction(async (parsed, _) =>
        {
            var file = Read(context);
            if (parsed.GetValue(output) == "name")
            {
                foreach (var known in file.Contexts)
                {
                    await context.Out.WriteLineAsync(PlainText.Of(known.Name));
                }

                return ExitCode.Done;
            }

            if (file.Contexts.Count == 0)
            {
                await context.Error.WriteLineAsync("no contexts; qmfleet config set-context NAME --server ADDRESS makes one");
                return ExitCode.Done;
            }

            var table = new Table("CURRENT", "NAME", "SERVER", "PKI") { NoHeaders = parsed.GetValue(noHeaders) };
            foreach (var known in file.Contexts)
            {
                table.Add(known.Name == file.Current ? "*" : "", known.Name, known.Server, known.Pki ?? "-");
            }

            await table.WriteAsync(context.Out, context.OutWidth);
            return ExitCode.Done;
        });
        return command;
    }

    private static Command CurrentContext(CliContext context)
    {
        var command = new Command("current-context", """
            Shows the name of the current context.

            Examples:
              qmfleet config current-context
            """);
        command.SetAction(async (_, _) =>
        {
            var file = Read(context);
            await context.Out.WriteLineAsync(file.Current.Length > 0
                ? PlainText.Of(file.Current) : throw new CliException(ExitCode.NotFound, "there is no current context; qmfleet config use-context NAME chooses one"));
            return ExitCode.Done;
        });
        return command;
    }

    private static Command UseContext(GlobalOptions global, CliContext context)
    {
        var name = Name(global);
        var command = new Command("use-context", """
            Makes a context the current one.

            Examples:
              qmfleet config use-context bench
            """) { name };
        command.SetAction(async (parsed, _) =>
        {
            var file = Read(context);
            var chosen = file.Find(parsed.GetValue(name)!);
            (file with { Current = chosen.Name }).Write();
            await context.Out.WriteLineAsync(PlainText.Of($"context/{chosen.Name} is current: {chosen.Server}"));
            return ExitCode.Done;
        });
        return command;
    }

    private static Command SetContext(GlobalOptions global, CliContext context)
    {
        var name = Name(global);
        var command = new Command("set-context", """
            Makes a context, or changes what --server, --pki, --token and --token-file say of one. The first one becomes the current one.
            A token is kept in the file, which only you can read.

            Examples:
              qmfleet config set-context bench --server https://bench:8420 --pki ~/pki
              qmfleet config set-context ci --server https://bench:8420 --pki ~/ca --token "$(cat token)"
              qmfleet config set-context lab --server unix:/tmp/qmfleet-lab/qmfleet.sock
            """) { name };
        command.SetAction(async (parsed, _) =>
        {
            var (file, which) = (Read(context), parsed.GetValue(name)!);
            var known = file.Contexts.FirstOrDefault(candidate => candidate.Name == which);
            var (server, pki, token, tokenFile) = global.Given(parsed);
            var made = new FleetContext(
                which.Length > 0 ? which : throw new CliException(ExitCode.Invalid, "a context needs a name"),
                server ?? known?.Server ?? throw new CliException(ExitCode.Invalid, $"set-context {which}: where is it? Say --server unix:/path or --server https://host:port"),
                pki is null ? known?.Pki : Path.GetFullPath(pki),
                token ?? (tokenFile is null ? known?.Token : null),
                tokenFile is not null ? Path.GetFullPath(tokenFile) : token is null ? known?.TokenFile : null);
            FleetConnection.Check(made.Server);
            if (made.Token is not null)
            {
                FleetConnection.CheckToken(made);
            }

            IReadOnlyList<FleetContext> contexts = known is null ? [.. file.Contexts, made] : [.. file.Contexts.Select(candidate => candidate == known ? made : candidate)];
            (file with { Contexts = contexts, Current = file.Current.Length > 0 ? file.Current : which }).Write();
            await context.Out.WriteLineAsync(PlainText.Of($"context/{which} {(known is null ? "created" : known == made ? "unchanged" : "changed")}"));
            return ExitCode.Done;
        });
        return command;
    }

    private static Command DeleteContext(GlobalOptions global, CliContext context)
    {
        var name = Name(global);
        var command = new Command("delete-context", """
            Forgets a context. Its certificates stay where they are.

            Examples:
              qmfleet config delete-context bench
            """) { name };
        command.SetAction(async (parsed, _) =>
        {
            var file = Read(context);
            var gone = file.Find(parsed.GetValue(name)!);
            (file with { Contexts = [.. file.Contexts.Where(known => known != gone)], Current = file.Current == gone.Name ? "" : file.Current }).Write();
            await context.Out.WriteLineAsync(PlainText.Of($"context/{gone.Name} deleted"));
            return ExitCode.Done;
        });
        return command;
    }

    private static Command View(CliContext context)
    {
        var output = OutputOptions.OfText();
        var command = new Command("view", """
            Shows the configuration; a token that it holds is REDACTED.

            Examples:
              qmfleet config view
              qmfleet config view -o json
            """);
        output.AddTo(command);
        command.SetAction(async (parsed, _) =>
        {
            JsonNode tree = Read(context).ShownTree();
            await context.Out.WriteLineAsync(output.FormatOf(parsed) switch
            {
                OutputFormat.Json => ApiText.Json(tree),
                OutputFormat.Path path => path.Template.Render(tree),
                _ => YamlText.Of(tree),
            });
            return ExitCode.Done;
        });
        return command;
    }

    private static Argument<string> Name(GlobalOptions global) => global.Names.OfContexts(new Argument<string>("name") { Description = "The context's name" });

    private static ContextFile Read(CliContext context) => ContextFile.Read(
        ContextFile.Find(context) ?? throw new CliException(ExitCode.Invalid, "where is your configuration? HOME is not set; name a file with QMFLEET_CONFIG"));
}
