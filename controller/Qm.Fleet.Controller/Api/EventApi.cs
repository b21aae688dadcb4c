using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.V1;

namespace Qm.Fleet.Controller.Api;

/// <summary>The event log on the wire. A reader is never behind more than one page: the log itself is the buffer.</summary>
internal sealed class EventApi(EventStore store, ChangeFeed feed) : EventService.EventServiceBase
{
    private const int Page = 500;

    public override Task<Event> Get(GetEventRequest request, ServerCallContext context) =>
        Task.FromResult(store.Find(request.Number) is { } found ? ToWire(found) : throw Errors.NotFound("Event", Paging.Number(request.Number)));

    public override Task<ListEventsResponse> List(ListEventsRequest request, ServerCallContext context)
    {
        var events = store.List(request.After, request.Node, request.Fleet, Paging.Size(request.PageSize));
        return Task.FromResult(new ListEventsResponse { Events = { events.Select(ToWire) } });
    }

    public override async Task Watch(WatchEventsRequest request, IServerStreamWriter<Event> responseStream, ServerCallContext context)
    {
        using var subscription = feed.Subscribe(ResourceKind.Event);
        var after = request.After < 0 ? store.Last() : request.After;
        while (true)
        {
            var events = store.List(after, request.Node, request.Fleet, Page);
            foreach (var item in events)
            {
                await responseStream.WriteAsync(ToWire(item), context.CancellationToken);
                after = item.Number;
            }

            if (events.Count < Page)
            {
                await subscription.WaitAsync(context.CancellationToken);
            }
        }
    }

    private static Event ToWire(StoredEvent stored) => new()
    {
        Number = stored.Number,
        Time = Timestamp.FromDateTimeOffset(stored.Time),
        Reason = stored.Draft.Reason,
        Severity = (Event.Types.Severity)stored.Draft.Severity,
        Actor = stored.Draft.Actor,
        Fleet = stored.Draft.Fleet,
        Node = stored.Draft.Node,
        Unit = stored.Draft.Unit,
        Message = stored.Draft.Message,
    };
}
