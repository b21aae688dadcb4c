using Google.Protobuf;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Output;
using Qm.Fleet.V1;

namespace Qm.Fleet.Cli.Kinds;

/// <summary>Names of nodes, and the keys that ask for them or have them.</summary>
internal sealed class EnrollmentKind() : ResourceKind(ResourceKind.Enrollment, "en")
{
    internal override bool HasFields => true;

    internal override string[] Header => ["NODE", "STATE", "SINCE", "ADDRESS", "BLUECHI", "FINGERPRINT"];

    internal override string[] MoreHeader => ["BY", "REASON"];

    // Several keys may ask for one name.
    internal override async Task<IReadOnlyList<IMessage>> GetAsync(FleetConnection connection, string name, CancellationToken ct) =>
        await ListAsync(connection, QueryOf(name), ct) is { Count: > 0 } found ? found : throw new CliException(ExitCode.NotFound, $"Enrollment {name} not found; qmfleet get enrollments lists them");

    internal override async Task<IReadOnlyList<IMessage>> ListAsync(FleetConnection connection, ResourceQuery query, CancellationToken ct) => await Pages.ReadAsync(
        token => connection.Enrollments.ListEnrollmentsAsync(new() { FieldSelector = query.Fields, PageToken = token }, cancellationToken: ct).ResponseAsync, page => page.Enrollments, page => page.NextPageToken);

    internal override ResourceQuery QueryOf(string name) => new("", $"node={name}");

    internal override string NameOf(IMessage resource) => ((Enrollment)resource).Node;

    internal override (string[] Cells, string[] More) Row(IMessage resource, DateTimeOffset now)
    {
        var one = (Enrollment)resource;
        return ([one.Node, $"{one.State}", Durations.Since(one.Since, now), Or(one.Address), BlueChi(one.Bluechi), one.Fingerprint], [Or(one.DecidedBy), Or(one.Reason)]);
    }

    private static string BlueChi(BlueChiPeer? peer) => peer?.State switch
    {
        null => "-",
        BlueChiPeer.Types.State.Same => "same address",
        BlueChiPeer.Types.State.Other => $"at {peer.Address}",
        BlueChiPeer.Types.State.Offline => "not connected",
        BlueChiPeer.Types.State.UnknownNode => "unknown node",
        _ => "unknown",
    };
}
