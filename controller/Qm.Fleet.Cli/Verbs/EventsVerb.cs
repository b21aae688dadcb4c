using System.CommandLine;
using System.Globalization;
using Google.Protobuf;
using Grpc.Core;
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
        var node = new Option<string>("--node") { Description = "Only of this node", DefaultValueFactory = _ => "" };
        var fleet = new Option<string>("--fleet") { Description = "Only of this fleet", DefaultValueFactory = _ => "" };
        var after = new Option<long>("--after") { Description = "Only events after this number" };
        var command = new Command("events", """
            Shows what happened, oldest first.

            Examples:
              qmfleet events --node ecu2
              qmfleet events --fleet cockpit -w
            """) { watch, node, fleet, after };
        command.SetAction(async (parsed, ct) =>
        {
            using var connection = global.Connect(parsed, context);
            var last = parsed.GetValue(after);
            await foreach (var item in ListAsync(connection, last, parsed.GetValue(node)!, parsed.GetValue(fleet)!, ct))
            {
                await context.Out.WriteLineAsync(Line(item));
                last = item.Number;
            }

            if (parsed.GetValue(watch))
            {
                using var stream = connection.Events.Watch(
                    new() { After = last, Node = parsed.GetValue(node), Fleet = parsed.GetValue(fleet) }, cancellationToken: ct);
                await foreach (var item in stream.ResponseStream.ReadAllAsync(ct))
                {
                    await context.Out.WriteLineAsync(Line(item));
                    await context.Out.FlushAsync(ct);
                }
            }

            return ExitCode.Done;
        });
        return command;
    }

    /// <summary>All events in one of the formats of get.</summary>
    internal static async Task ListAsync(FleetConnection connection, CliContext context, string output, CancellationToken ct)
    {
        var events = new List<Event>();
        await foreach (var item in ListAsync(connection, 0, "", "", ct))
        {
            events.Add(item);
        }

        if (output is Printer.Table or Printer.Wide)
        {
            foreach (var item in events)
            {
                await context.Out.WriteLineAsync(Line(item));
            }

            return;
        }

        await Printer.WriteAsync(context.Out, output, Resources.Event,
            [.. events.Select(item => (item.Number.ToString(CultureInfo.InvariantCulture), (IMessage)item))], isList: true);
    }

    private static async IAsyncEnumerable<Event> ListAsync(
        FleetConnection connection, long after, string node, string fleet, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken ct)
    {
        while (true)
        {
            var page = await connection.Events.ListAsync(new() { After = after, Node = node, Fleet = fleet }, cancellationToken: ct);
            foreach (var item in page.Events)
            {
                yield return item;
                after = item.Number;
            }

            if (page.Events.Count == 0)
            {
                yield break;
            }
        }
    }

    internal static string Line(Event item) => string.Create(CultureInfo.InvariantCulture,
        $"{item.Number,6}  {item.Time.ToDateTimeOffset():yyyy-MM-dd HH:mm:ss.fff}Z  {item.Severity.ToString().ToUpperInvariant(),-8}  {item.Reason,-20}  {About(item),-20}  {item.Message}");

    private static string About(Event item)
    {
        var about = item.Node.Length > 0 ? $"node/{item.Node}" : item.Fleet.Length > 0 ? $"fleet/{item.Fleet}" : "-";
        return item.Unit.Length > 0 ? $"{about} {item.Unit}" : about;
    }
}
