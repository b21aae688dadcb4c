using Google.Protobuf;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Output;
using Qm.Fleet.V1;

namespace Qm.Fleet.Cli.Kinds;

/// <summary>Sites: the BlueChi domains.</summary>
internal sealed class SiteKind() : ResourceKind(ResourceKind.Site, "si")
{
    internal override string[] Header => ["SITE", "BLUECHI", "SINCE", "ADDRESS", "MESSAGE"];

    internal override async Task<IReadOnlyList<IMessage>> GetAsync(FleetConnection connection, string name, CancellationToken ct) =>
        [await connection.Sites.GetAsync(new() { Name = name }, cancellationToken: ct)];

    internal override async Task<IReadOnlyList<IMessage>> ListAsync(FleetConnection connection, ResourceQuery query, CancellationToken ct) => await Pages.ReadAsync(
        token => connection.Sites.ListAsync(new() { PageToken = token }, cancellationToken: ct).ResponseAsync, page => page.Sites, page => page.NextPageToken);

    internal override string NameOf(IMessage resource) => ((V1.Site)resource).Metadata.Name;

    internal override (string[] Cells, string[] More) Row(IMessage resource, DateTimeOffset now)
    {
        var site = (V1.Site)resource;
        var connected = site.Status?.Conditions.FirstOrDefault(condition => condition.Type == "Connected");
        var word = connected?.Status switch { Condition.Types.Status.True => "online", Condition.Types.Status.False => "offline", _ => "unknown" };
        return ([site.Metadata.Name, word, Durations.Since(connected?.Since, now), Or(site.Spec?.Address), Or(connected?.Message)], []);
    }
}
