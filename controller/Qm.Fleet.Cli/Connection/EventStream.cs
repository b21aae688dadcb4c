using System.Globalization;
using System.Runtime.CompilerServices;
using Grpc.Core;
using Qm.Fleet.V1;

namespace Qm.Fleet.Cli.Connection;

/// <summary>The event log, read to its end or followed.</summary>
internal static class EventStream
{
    // A controller that restarts is back well before.
    private const int MaxAttempts = 30;

    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    /// <summary>All events there are after a number.</summary>
    internal static async IAsyncEnumerable<Event> ListAsync(FleetConnection connection, Filter filter, [EnumeratorCancellation] CancellationToken ct)
    {
        var after = filter.After;
        while (true)
        {
            var page = await connection.Events.ListAsync(
                new() { After = after, Node = filter.Node, Fleet = filter.Fleet, FieldSelector = filter.Fields }, cancellationToken: ct);
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

    /// <summary>Events after a number, then new ones; a stream that breaks is taken up again after the last event that was seen.</summary>
    /// <exception cref="CliException">The server did not come back.</exception>
    internal static async IAsyncEnumerable<Event> WatchAsync(
        FleetConnection connection, CliContext context, Filter filter, [EnumeratorCancellation] CancellationToken ct)
    {
        // A server that is not there from the start is an error, not an interruption.
        await connection.Events.ListAsync(
            new() { After = filter.After, PageSize = 1, Node = filter.Node, Fleet = filter.Fleet, FieldSelector = filter.Fields }, cancellationToken: ct);
        var (after, attempts) = (filter.After, 0);
        while (attempts < MaxAttempts)
        {
            using var stream = connection.Events.Watch(
                new() { After = after, Node = filter.Node, Fleet = filter.Fleet, FieldSelector = filter.Fields }, cancellationToken: ct);
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
    /// <param name="Fields">A field selector in the Kubernetes grammar; empty for all.</param>
    internal readonly record struct Filter(long After, string Node, string Fleet, string Fields)
    {
        public Filter()
            : this(0, "", "", "")
        {
        }
    }
}
