using System.Collections.Immutable;
using System.Globalization;
using Google.Rpc;
using Grpc.Core;
using Qm.Fleet.Controller.Api.Lists;
using Qm.Fleet.Controller.Security;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.Environments;

namespace Qm.Fleet.Controller.Api;

/// <inheritdoc/>
/// <remarks>A watch reads the log itself at the client's pace, so it holds one batch however far the client is behind.</remarks>
internal sealed class EventApi(EventLog log, ChangeFeed feed, WatchStreams streams) : V1.EventService.EventServiceBase
{
    /// <summary>How many events one List looks at for those that are selected; a page that was not full by then has a token.</summary>
    public const int MaxLooked = 100_000;

    private const int BatchSize = 500;

    // By number alone.
    private static readonly ImmutableArray<bool> ByNumber = [false];

    /// <inheritdoc/>
    public override Task<V1.Event> Get(V1.GetEventRequest request, ServerCallContext context)
    {
        var number = request.Number.ToString(CultureInfo.InvariantCulture);
        var found = log.Find(request.Number)?.ToWire() ?? throw Failures.NotFound("event", number);
        return context.View() is var view && view.Sees(found) ? Task.FromResult(found) : throw view.Outside($"event {number}");
    }

    /// <inheritdoc/>
    public override Task<V1.ListEventsResponse> List(V1.ListEventsRequest request, ServerCallContext context)
    {
        var query = ListQuery<V1.Event>.Read(
            new(request.PageSize, request.PageToken)
            {
                FieldSelector = request.FieldSelector,
                Scope = $"{request.Node}\n{request.Fleet}\n{request.Newest}",
                Problems = request.After >= 0 ? [] : [new Problem("after", $"{request.After} is not an event's number, nor 0")],
            },
            ByNumber, context.View().Sees);
        var last = query.After is [var place] ? place.Number : (long?)null;
        var page = query.InOrder(
            request.Newest ? Read(last ?? long.MaxValue, (before, limit) => log.Before(before, request.After, request.Node, request.Fleet, limit))
                : Read(last ?? request.After, (after, limit) => log.After(after, request.Node, request.Fleet, limit)),
            WireResources.ToWire, static stored => [stored.Number], MaxLooked);
        return Task.FromResult(new V1.ListEventsResponse { Events = { request.Newest ? page.Items.Reverse() : page.Items }, NextPageToken = page.Next });

        IEnumerable<StoredEvent> Read(long begin, Func<long, int, IReadOnlyList<StoredEvent>> read) =>
            Pages.All(begin, read, stored => Number(stored, context), query.Size + 1);
    }

    /// <inheritdoc/>
    public override async Task Watch(V1.WatchEventsRequest request, IServerStreamWriter<V1.Event> responseStream, ServerCallContext context)
    {
        var view = context.View();
        using var end = streams.Link(context);
        using var changes = feed.Subscribe(ResourceKind.Event);
        var (filter, last) = (Filter(request), log.LastNumber());
        var after = request.After switch
        {
            -1 => last,
            _ when request.After > last => throw Failures.Make(
                Code.OutOfRange, "BEYOND_THE_LOG",
                $"There is no event {request.After}: the log ends at {last}. Another controller's log was watched before, or an older one was restored. Watch again from 0."),
            _ => request.After,
        };
        // A client learns from the headers that the watch listens, also when there is nothing to tell yet.
        await context.WriteResponseHeadersAsync([]).ConfigureAwait(false);
        while (true)
        {
            end.Token.ThrowIfCancellationRequested();
            view.Forget();
            var batch = log.After(after, request.Node, request.Fleet, BatchSize);
            foreach (var stored in batch)
            {
                var told = stored.ToWire();
                if (filter.Matches(told) && view.Sees(told))
                {
                    // Whoever did not take this one goes on after the one before.
                    await streams.SendAsync(responseStream, told, $"Resume after event {after}.", end.Token, after.ToString(CultureInfo.InvariantCulture)).ConfigureAwait(false);
                }
                after = stored.Number;
            }
            if (batch.Count < BatchSize)
            {
                await changes.WaitAsync(end.Token).ConfigureAwait(false);
            }
        }
    }

    private static FieldFilter Filter(V1.WatchEventsRequest request)
    {
        var problems = new List<Problem>();
        if (request.After < -1)
        {
            problems.Add(new("after", $"{request.After} is not an event's number, nor 0 for all, nor -1 for new ones"));
        }
        var filter = FieldFilter.Read(V1.Event.Descriptor, request.FieldSelector, problems);
        return problems.Count == 0 ? filter : throw Failures.Invalid(problems);
    }

    // Nobody waits any more for what would go on through the whole log.
    private static long Number(StoredEvent stored, ServerCallContext context)
    {
        context.CancellationToken.ThrowIfCancellationRequested();
        return stored.Number;
    }
}
