using Google.Protobuf;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Output;

namespace Qm.Fleet.Cli.Kinds;

/// <summary>Revisions of fleets.</summary>
internal sealed class RevisionKind() : ResourceKind(ResourceKind.Revision, "rev")
{
    internal override string[] Header => ["REVISION", "FLEET", "AGE"];

    internal override string[] MoreHeader => ["SHA-256"];

    // Two fleets with the same environment have a revision of the same name.
    internal override async Task<IReadOnlyList<IMessage>> GetAsync(FleetConnection connection, string name, CancellationToken ct) =>
        (await ListAsync(connection, ResourceQuery.Everything, ct)).Where(revision => NameOf(revision) == name).ToArray() is { Length: > 0 } found
            ? found : throw new CliException(ExitCode.NotFound, $"Revision {name} not found; qmfleet get revisions lists them");

    internal override async Task<IReadOnlyList<IMessage>> ListAsync(FleetConnection connection, ResourceQuery query, CancellationToken ct) => await Pages.ReadAsync(
        token => connection.Revisions.ListAsync(new() { PageToken = token }, cancellationToken: ct).ResponseAsync, page => page.Revisions, page => page.NextPageToken);

    internal override string NameOf(IMessage resource) => ((V1.Revision)resource).Metadata.Name;

    internal override (string[] Cells, string[] More) Row(IMessage resource, DateTimeOffset now)
    {
        var revision = (V1.Revision)resource;
        return ([revision.Metadata.Name, revision.Fleet, Durations.Since(revision.Metadata.CreatedAt, now)], [Or(revision.Metadata.Uid)]);
    }
}
