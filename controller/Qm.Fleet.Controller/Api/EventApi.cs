using System.Globalization;
using Grpc.Core;
using Qm.Fleet.Controller.Storage;

namespace Qm.Fleet.Controller.Api;

/// <inheritdoc/>
/// <remarks>A watch reads the log itself at the client's pace, so it holds one batch however far the client is behind.</remarks>
internal sealed class EventApi(EventLog log, ChangeFeed feed, WatchStreams streams) : V1.EventService.EventServiceBase
{
    private const int BatchSize = 500;

    /// <inheritdoc/>
    public override Task<V1.Event> Get(V1.GetEventRequest request, ServerCallContext context) => Task.FromResult(
        log.Find(request.Number)?.ToWire()
        ?? throw Failures.NotFound("event", request.Number.ToString(CultureInfo.InvariantCulture)));

    /// <inheritdoc/>
    public override Task<V1.ListEventsResponse> List(V1.ListEventsRequest request, ServerCallContext context)
    {
        var after = request.After >= 0 ? request.After : throw Failures.Invalid("after", $"{request.After} is not an event's number, nor 0");
        var size = Pages.Size(request.PageSize);
        var events = request.Newest ? log.Newest(after, request.Node, request.Fleet, size) : log.After(after, request.Node, request.Fleet, size);
        return Task.FromResult(new V1.ListEventsResponse { Events = { events.Select(WireResources.ToWire) } });
    }

    /// <inheritdoc/>
    public override async Task Watch(V1.WatchEventsRequest request, IServerStreamWriter<V1.Event> responseStream, ServerCallContext context)
    {
        using var end = streams.Link(context);
        using var changes = feed.Subscribe(ResourceKind.Event);
        var after = request.After switch
        {
            >= 0 => request.After,
            -1 => log.LastNumber(),
            _ => throw Failures.Invalid("after", $"{request.After} is not an event's number, nor 0 for all, nor -1 for new ones"),
        };
        // A client learns from the headers that the watch listens, also when there is nothing to tell yet.
        await context.WriteResponseHeadersAsync([]).ConfigureAwait(false);
        while (true)
        {
            var batch = log.After(after, request.Node, request.Fleet, BatchSize);
            foreach (var stored in batch)
            {
                await streams.SendAsync(responseStream, stored.ToWire(), $"Resume after event {after}.", end.Token).ConfigureAwait(false);
                after = stored.Number;
            }
            if (batch.Count < BatchSize)
            {
                await changes.WaitAsync(end.Token).ConfigureAwait(false);
            }
        }
    }
}
