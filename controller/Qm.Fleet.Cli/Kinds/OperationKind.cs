using Google.Protobuf;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Output;

namespace Qm.Fleet.Cli.Kinds;

/// <summary>Operations, with or without the API's operations/ before their names.</summary>
internal sealed class OperationKind() : ResourceKind(ResourceKind.Operation, "op")
{
    private const string Prefix = "operations/";

    internal override bool HasFields => true;

    internal override string[] Header => ["OPERATION", "KIND", "TARGET", "STATE", "BEGAN", "TOOK", "MESSAGE"];

    internal override string[] MoreHeader => ["ACTOR"];

    /// <summary>The name as the API has it.</summary>
    internal static string Whole(string name) => name.StartsWith(Prefix, StringComparison.Ordinal) ? name : Prefix + name;

    /// <summary>The name as people have it.</summary>
    internal static string Short(string name) => name.StartsWith(Prefix, StringComparison.Ordinal) ? name[Prefix.Length..] : name;

    internal override async Task<IReadOnlyList<IMessage>> GetAsync(FleetConnection connection, string name, CancellationToken ct) =>
        [await connection.Operations.GetAsync(new() { Name = Whole(name) }, cancellationToken: ct)];

    internal override async Task<IReadOnlyList<IMessage>> ListAsync(FleetConnection connection, ResourceQuery query, CancellationToken ct) => await Pages.ReadAsync(
        token => connection.Operations.ListAsync(new() { FieldSelector = query.Fields, PageToken = token }, cancellationToken: ct).ResponseAsync,
        page => page.Operations, page => page.NextPageToken);

    internal override string NameOf(IMessage resource) => Short(((V1.Operation)resource).Name);

    internal override (string[] Cells, string[] More) Row(IMessage resource, DateTimeOffset now)
    {
        var operation = (V1.Operation)resource;
        return (
            [
                NameOf(operation), operation.Kind, Or(operation.Target), State(operation), Durations.Since(operation.StartedAt, now),
                Durations.Between(operation.StartedAt, operation.EndedAt), Or(operation.Error.Length > 0 ? operation.Error : operation.Message),
            ],
            [Or(operation.Actor)]);
    }

    private static string State(V1.Operation operation) => operation switch
    {
        { Done: true, Error.Length: > 0 } => "Failed",
        { Done: true } => "Done",
        { CancelRequested: true } => "Cancelling",
        _ => "Running",
    };
}
