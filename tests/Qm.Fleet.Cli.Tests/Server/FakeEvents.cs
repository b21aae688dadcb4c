using System.Threading.Channels;
using Grpc.Core;
using Qm.Fleet.V1;

namespace Qm.Fleet.Cli.Tests.Server;

/// <summary>An EventService over a list; pages hold two events.</summary>
internal sealed class FakeEvents : EventService.EventServiceBase
{
    private const int PageSize = 2;

    private readonly Channel<bool> _wake = Channel.CreateUnbounded<bool>();

    public List<Event> Stored { get; } = [];

    public List<ListEventsRequest> Lists { get; } = [];

    public List<long> WatchedAfter { get; } = [];

    /// <summary>Appends an event and shows it to whoever watches.</summary>
    public void Happen(Event item)
    {
        lock (Stored)
        {
            Stored.Add(item);
        }

        _wake.Writer.TryWrite(true);
    }

    /// <summary>Breaks the watch off, as a controller that stops does.</summary>
    public void GoAway() => _wake.Writer.TryWrite(false);

    public override Task<Event> Get(GetEventRequest request, ServerCallContext context) => Task.FromResult(
        Stored.FirstOrDefault(item => item.Number == request.Number) ?? throw new RpcException(new(StatusCode.NotFound, $"Event {request.Number} not found")));

    public override Task<ListEventsResponse> List(ListEventsRequest request, ServerCallContext context)
    {
        Lists.Add(request);
        return Task.FromResult(new ListEventsResponse { Events = { request.Newest ? After(request.After).TakeLast(PageSize) : After(request.After).Take(PageSize) } });
    }

    public override async Task Watch(WatchEventsRequest request, IServerStreamWriter<Event> responseStream, ServerCallContext context)
    {
        WatchedAfter.Add(request.After);
        var after = request.After;
        do
        {
            foreach (var item in After(after))
            {
                await responseStream.WriteAsync(item);
                after = item.Number;
            }
        }
        while (await _wake.Reader.ReadAsync(context.CancellationToken));
        throw new RpcException(new(StatusCode.Unavailable, "stopping"));
    }

    private Event[] After(long number)
    {
        lock (Stored)
        {
            return [.. Stored.Where(item => item.Number > number)];
        }
    }
}
