using System.Globalization;
using Google.Protobuf;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Output;

namespace Qm.Fleet.Cli.Kinds;

/// <summary>Events, by their numbers.</summary>
internal sealed class EventKind() : ResourceKind(ResourceKind.Event, "ev")
{
    internal override bool HasFields => true;

    internal override string[] Header => EventRow.Header;

    internal override string[] MoreHeader => EventRow.MoreHeader;

    internal override async Task<IReadOnlyList<IMessage>> GetAsync(FleetConnection connection, string name, CancellationToken ct) =>
        long.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var wanted)
            ? [await connection.Events.GetAsync(new() { Number = wanted }, cancellationToken: ct)]
            : throw new CliException(ExitCode.Invalid, $"event {name}: events have numbers, such as 12");

    internal override async Task<IReadOnlyList<IMessage>> ListAsync(FleetConnection connection, ResourceQuery query, CancellationToken ct) =>
        await EventStream.ListAsync(connection, new() { Fields = query.Fields }, ct).ToListAsync<IMessage>(ct);

    internal override bool HasSnapshot => false;

    internal override ResourceQuery QueryOf(string name) => throw new CliException(ExitCode.Invalid, $"event {name}: has happened, and does not change any more");

    internal override Watching Watch(FleetConnection connection, CliContext context, ResourceQuery query) => new(context, (token, ct) => ReadAsync(
        EventStream.WatchAsync(connection, context, new() { After = token.Length == 0 ? 0 : long.Parse(token, CultureInfo.InvariantCulture), Fields = query.Fields }, ct)));

    private static async IAsyncEnumerable<ResourceChange> ReadAsync(IAsyncEnumerable<V1.Event> events)
    {
        await foreach (var item in events)
        {
            yield return new(V1.ChangeType.Added, EventRow.Number(item), item, item, EventRow.Number(item));
        }
    }

    internal override string NameOf(IMessage resource) => EventRow.Number((V1.Event)resource);

    internal override (string[] Cells, string[] More) Row(IMessage resource, DateTimeOffset now) => (EventRow.Of((V1.Event)resource), EventRow.MoreOf((V1.Event)resource));
}
