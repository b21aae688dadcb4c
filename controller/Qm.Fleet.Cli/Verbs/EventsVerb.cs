using System.CommandLine;
using System.Globalization;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Output;
using Qm.Fleet.V1;
using Command = System.CommandLine.Command;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>events: what happened, and what happens.</summary>
internal static class EventsVerb
{
    internal static Command Make(GlobalOptions global, CliContext context)
    {
        var watch = new Option<bool>("--watch", "-w") { Description = "Go on with new events until Ctrl-C" };
        var node = global.Names.OfNodes(new Option<string>("--node") { Description = "Only of this node", HelpName = "name", DefaultValueFactory = _ => "" });
        var fleet = global.Names.OfFleets(new Option<string>("--fleet") { Description = "Only of this fleet", HelpName = "name", DefaultValueFactory = _ => "" });
        var after = new Option<long>("--after") { Description = "Only events after this number", HelpName = "number" };
        var fields = new Option<string>("--field-selector") { Description = "Only events with these fields, such as severity=CRITICAL", HelpName = "fields", DefaultValueFactory = _ => "" };
        var output = OutputOptions.OfAnswers();
        var command = new Command("events", """
            Shows what happened, oldest first.

            Examples:
              qmfleet events --node ecu2
              qmfleet events --fleet cockpit -w
              qmfleet events --after 120 --field-selector severity=CRITICAL
              qmfleet events -w -o jsonpath='{.time} {.reason}'
            """) { watch, node, fleet, after, fields };
        output.AddTo(command);
        command.SetAction(async (parsed, ct) =>
        {
            var filter = new EventStream.Filter(parsed.GetValue(after), parsed.GetValue(node)!, parsed.GetValue(fleet)!, parsed.GetValue(fields)!);
            if (filter.After < 0)
            {
                throw new CliException(ExitCode.Invalid, string.Create(CultureInfo.InvariantCulture, $"--after {filter.After}: expected the number of an event, or 0 for all"));
            }

            var format = output.FormatOf(parsed);
            using var connection = global.Connect(parsed, context);
            if (!parsed.GetValue(watch) && !format.IsForPeople)
            {
                await ApiText.WriteAsync(context.Out, await EventStream.ListAsync(connection, filter, ct).ToListAsync(ct), isOne: false, format);
                return ExitCode.Done;
            }

            await foreach (var item in parsed.GetValue(watch) ? EventStream.WatchAsync(connection, context, filter, ct) : EventStream.ListAsync(connection, filter, ct))
            {
                await WriteAsync(context.Out, item, format);
                await context.Out.FlushAsync(ct);
            }

            return ExitCode.Done;
        });
        return command;
    }

    private static Task WriteAsync(TextWriter writer, Event item, OutputFormat format) => format switch
    {
        OutputFormat.Table => writer.WriteLineAsync(EventRow.Line(item)),
        _ => StreamedText.WriteAsync(writer, item, format),
    };
}
