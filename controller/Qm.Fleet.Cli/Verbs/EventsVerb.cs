using System.CommandLine;
using System.Globalization;
using System.Runtime.CompilerServices;
using Grpc.Core;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Output;
using Qm.Fleet.V1;
using Command = System.CommandLine.Command;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>events: what happened, and what happens.</summary>
internal static class EventsVerb
{
    // A controller that restarts is back well before.
    private const int MaxAttempts = 30;

    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    internal static Command Make(GlobalOptions global, CliContext context)
    {
        var watch = new Option<bool>("--watch", "-w") { Description = "Go on with new events until Ctrl-C" };
        var node = new Option<string>("--node") { Description = "Only of this node", HelpName = "name", DefaultValueFactory = _ => "" };
        var fleet = new Option<string>("--fleet") { Description = "Only of this fleet", HelpName = "name", DefaultValueFactory = _ => "" };
        var after = new Option<long>("--after") { Description = "Only events after this number", HelpName = "number" };
        var command = new Command("events", """
            Shows what happened, oldest first.

            Examples:
              qmfleet events --node ecu2
              qmfleet events --fleet cockpit -w
              qmfleet events --after 120
            """) { watch, node, fleet, after };
        command.SetAction(async (parsed, ct) =>
        {
            var filter = new Filter(parsed.GetValue(after), parsed.GetValue(node)!, parsed.GetValue(fleet)!);
            if (filter.After < 0)
            {
                throw new CliException(ExitCode.Invalid, string.Create(CultureInfo.InvariantCulture, $"--after {filter.After}: expected the number of an event, or 0 for all"));
            }

            using var connection = global.Connect(parsed, context);
            await foreach (var item in parsed.GetValue(watch) ? WatchAsync(connection, context, filter, ct) : ListAsync(connection, filter, ct))
            {
                await context.Out.WriteLineAsync(EventRow.Line(item));
                await context.Out.FlushAsync(ct);
            }

            return ExitCode.Done;
        });
        return command;
    }

    /// <summary>All events there are after a number.</summary>
    internal static async IAsyncEnumerable<Event> ListAsync(FleetConnection connection, Filter filter, [EnumeratorCancellation] CancellationToken ct)
    {
        var after = filter.After;
        while (true)
        {
            var page = await connection.Events.ListAsync(new() { After = after, Node = filter.Node, Fleet = filter.Fleet }, cancellationToken: ct);
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

    // A stream that breaks is taken up again after the last event that was seen.
    private static async IAsyncEnumerable<Event> WatchAsync(
        FleetConnection connection, CliContext context, Filter filter, [EnumeratorCancellation] CancellationToken ct)
    {
        // A server that is not there from the start is an error, not an interruption.
        await connection.Events.ListAsync(new() { After = filter.After, PageSize = 1, Node = filter.Node, Fleet = filter.Fleet }, cancellationToken: ct);
        var (after, attempts) = (filter.After, 0);
        while (attempts < MaxAttempts)
        {
            using var stream = connection.Events.Watch(new() { After = after, Node = filter.Node, Fleet = filter.Fleet }, cancellationToken: ct);
            while (await HasNextAsync(stream.ResponseStream))
            {
                (after, attempts) = (stream.ResponseStream.Current.Number, 0);
                yield return stream.ResponseStream.Current;
            }

            if (attempts++ == 0)
            {
                await context.Error.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"the server went away; going on after event {after} when it is back"));
            }

            await Task.Delay(Pause, context.Time, ct);
        }

        throw new CliException(ExitCode.Unreachable, string.Create(CultureInfo.InvariantCulture, $"the server did not come back; go on later with qmfleet events -w --after {after}"));

        async Task<bool> HasNextAsync(IAsyncStreamReader<Event> reader)
        {
            try
            {
                return await reader.MoveNext(ct);
            }
            catch (RpcException e) when (!ct.IsCancellationRequested && RpcErrors.CanBeTakenUpAgain(e))
            {
                return false;
            }
        }
    }

    /// <summary>Which events.</summary>
    /// <param name="After">Only those after this number; 0 for all.</param>
    /// <param name="Node">Only of this node; empty for all.</param>
    /// <param name="Fleet">Only of this fleet; empty for all.</param>
    internal readonly record struct Filter(long After, string Node, string Fleet)
    {
        public Filter()
            : this(0, "", "")
        {
        }
    }
}
