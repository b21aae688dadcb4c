using System.Globalization;
using Google.Protobuf;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Output;

namespace Qm.Fleet.Cli.Kinds;

/// <summary>Fleets.</summary>
internal sealed class FleetKind() : ResourceKind(ResourceKind.Fleet, "fl")
{
    internal override bool HasLabels => true;

    internal override bool HasFields => true;

    internal override string[] Header => ["FLEET", "REVISION", "READY", "ROLLOUT", "PHASE", "MESSAGE"];

    internal override string[] MoreHeader => ["SELECTOR", "LABELS"];

    internal override async Task<IReadOnlyList<IMessage>> GetAsync(FleetConnection connection, string name, CancellationToken ct) =>
        [await connection.Fleets.GetAsync(new() { Name = name }, cancellationToken: ct)];

    internal override async Task<IReadOnlyList<IMessage>> ListAsync(FleetConnection connection, ResourceQuery query, CancellationToken ct) => await Pages.ReadAsync(
        token => connection.Fleets.ListAsync(new() { Selector = query.Labels, FieldSelector = query.Fields, ReadMask = query.Mask, PageToken = token }, cancellationToken: ct).ResponseAsync,
        page => page.Fleets, page => page.NextPageToken);

    internal override Watching Watch(FleetConnection connection, CliContext context, ResourceQuery query) => new(context, (token, ct) => Watching.ReadAsync(
        connection.Fleets.Watch(new() { Selector = query.Labels, FieldSelector = query.Fields, ResumeToken = token }, cancellationToken: ct),
        change => new(change.Type, change.Fleet?.Metadata?.Name ?? "", change.Fleet, change, change.ResumeToken), ct));

    internal override string NameOf(IMessage resource) => ((V1.Fleet)resource).Metadata.Name;

    internal override (string[] Cells, string[] More) Row(IMessage resource, DateTimeOffset now)
    {
        var fleet = (V1.Fleet)resource;
        return (
            [
                fleet.Metadata.Name,
                Or(fleet.Status?.Revision),
                string.Create(CultureInfo.InvariantCulture, $"{fleet.Status?.Ready ?? 0}/{fleet.Status?.Nodes ?? 0}"),
                Or(fleet.Status?.Rollout?.Name),
                fleet.Status?.Rollout?.Phase.ToString() ?? "-",
                Or(fleet.Status?.Rollout?.Message),
            ],
            [Or(fleet.Spec?.Selector), NodeRow.Labels(fleet.Metadata, ',')]);
    }
}
