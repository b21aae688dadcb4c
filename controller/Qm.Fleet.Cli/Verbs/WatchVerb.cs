using System.CommandLine;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Kinds;
using Qm.Fleet.Cli.Output;
using Command = System.CommandLine.Command;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>watch: what happens to resources, message by message as the API tells it.</summary>
internal static class WatchVerb
{
    internal static Command Make(GlobalOptions global, CliContext context)
    {
        var (resource, name) = Resources.Arguments("nodes, fleets or events");
        global.Names.OfResources(resource, name);
        var selection = new SelectionOptions();
        var output = OutputOptions.OfAnswers("name");
        var token = new Option<string>("--resume-token") { Description = "Go on after this token of an earlier watch, without a snapshot", HelpName = "token", DefaultValueFactory = _ => "" };
        var command = new Command("watch", """
            Shows what happens to resources until Ctrl-C: what there is, then every change with what it is. With -o json each line is a message of the
            API's watch, with the token to go on from. To see a table that is kept up to date: qmfleet get -w.

            Examples:
              qmfleet watch nodes
              qmfleet watch fleet/cockpit
              qmfleet watch nodes -l zone=cockpit -o json
              qmfleet watch events -o jsonpath='{.reason}'
            """) { resource, name, token };
        selection.AddTo(command);
        output.AddTo(command);
        command.SetAction(async (parsed, ct) =>
        {
            var (kind, only) = Resources.Parse(parsed.GetValue(resource)!, parsed.GetValue(name));
            var query = selection.QueryOf(parsed, kind, only);
            var format = output.FormatOf(parsed);
            using var connection = global.Connect(parsed, context);
            var watching = kind.Watch(connection, context, only is null ? query : kind.QueryOf(only))
                ?? throw new CliException(ExitCode.Invalid, $"watch {kind.Plural}: nobody tells changes of them; qmfleet wait {kind.Name}/NAME waits for one");
            await foreach (var change in watching.RunAsync(parsed.GetValue(token)!, ct))
            {
                await WriteAsync(kind, change, context, format);
                await context.Out.FlushAsync(ct);
            }

            return ExitCode.Done;
        });
        return command;
    }

    private static async Task WriteAsync(ResourceKind kind, ResourceChange change, CliContext context, OutputFormat format)
    {
        switch (format)
        {
            case OutputFormat.Table or OutputFormat.Name when change.Resource is null:
                break;
            case OutputFormat.Table:
                var cells = kind.Row(change.Resource!, context.Time.GetUtcNow()).Cells.Skip(1);
                await context.Out.WriteLineAsync(PlainText.Of($"{change.Type.ToString().ToUpperInvariant(),-8}  {kind.Name}/{change.Name}  {string.Join("  ", cells)}"));
                break;
            case OutputFormat.Name:
                await context.Out.WriteLineAsync(PlainText.Of($"{kind.Name}/{change.Name}"));
                break;
            default:
                await StreamedText.WriteAsync(context.Out, change.Message, format);
                break;
        }
    }
}
