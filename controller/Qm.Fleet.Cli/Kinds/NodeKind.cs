using Google.Protobuf;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Output;

namespace Qm.Fleet.Cli.Kinds;

/// <summary>Nodes.</summary>
internal sealed class NodeKind() : ResourceKind(ResourceKind.Node, "no")
{
    internal override bool HasLabels => true;

    internal override bool HasFields => true;

    internal override string[] Header => NodeRow.Header;

    internal override string[] MoreHeader => NodeRow.MoreHeader;

    internal override async Task<IReadOnlyList<IMessage>> GetAsync(FleetConnection connection, string name, CancellationToken ct) =>
        [await connection.Nodes.GetAsync(new() { Name = name }, cancellationToken: ct)];

    internal override async Task<IReadOnlyList<IMessage>> ListAsync(FleetConnection connection, ResourceQuery query, CancellationToken ct) => await Pages.ReadAsync(
        token => connection.Nodes.ListAsync(new() { Selector = query.Labels, FieldSelector = query.Fields, ReadMask = query.Mask, PageToken = token }, cancellationToken: ct).ResponseAsync,
        page => page.Nodes, page => page.NextPageToken);

    internal override Watching Watch(FleetConnection connection, CliContext context, ResourceQuery query) => new(context, (token, ct) => Watching.ReadAsync(
        connection.Nodes.Watch(new() { Selector = query.Labels, FieldSelector = query.Fields, ResumeToken = token }, cancellationToken: ct),
        change => new(change.Type, change.Node?.Metadata?.Name ?? "", change.Node, change, change.ResumeToken), ct));

    internal override string NameOf(IMessage resource) => ((V1.Node)resource).Metadata.Name;

    internal override (string[] Cells, string[] More) Row(IMessage resource, DateTimeOffset now) => (NodeRow.Of((V1.Node)resource, now), NodeRow.MoreOf((V1.Node)resource));
}
