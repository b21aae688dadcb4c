using System.CommandLine;
using System.Globalization;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Output;
using Qm.Fleet.V1;
using Command = System.CommandLine.Command;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>get: resources, one in a line, or as the API has them.</summary>
internal static class GetVerb
{
    internal static Command Make(GlobalOptions global, CliContext context)
    {
        var (resource, name) = Resources.Arguments("nodes, fleets, revisions or events");
        var output = new Option<string>("--output", "-o") { Description = "How to show them", DefaultValueFactory = _ => Listing.Formats[0] };
        output.AcceptOnlyFromAmong(Listing.Formats);
        var selector = new Option<string?>("--selector", "-l") { Description = "Only nodes or fleets with these labels, such as zone=cockpit,soc in (sa8775p,imx95)", HelpName = "labels" };
        var command = new Command("get", """
            Shows resources, one in a line.

            Examples:
              qmfleet get nodes
              qmfleet get nodes -l zone=cockpit -o wide
              qmfleet get fleet/cockpit -o yaml
              qmfleet get revisions -o name
              qmfleet get event 12 -o json
            """) { resource, name, output, selector };
        command.SetAction(async (parsed, ct) =>
        {
            var (kind, only) = Resources.Parse(parsed.GetValue(resource)!, parsed.GetValue(name));
            var labels = parsed.GetValue(selector);
            if (labels is not null && (only is not null || kind is not (Resources.Node or Resources.Fleet)))
            {
                throw new CliException(ExitCode.Invalid, $"--selector {labels}: chooses among nodes or fleets by label, not {(only is null ? kind + "s" : "one by name")}");
            }

            using var connection = global.Connect(parsed, context);
            var now = context.Time.GetUtcNow();
            var listing = kind switch
            {
                Resources.Node => Nodes(await NodesAsync(connection, only, labels ?? "", ct), now),
                Resources.Fleet => Fleets(await FleetsAsync(connection, only, labels ?? "", ct)),
                Resources.Revision => Revisions(await RevisionsAsync(connection, only, ct), now),
                _ => Events(await EventsAsync(connection, only, ct)),
            };
            await listing.WriteAsync(context, parsed.GetValue(output)!, only is not null && listing.Resources.Count == 1);
            return ExitCode.Done;
        });
        return command;
    }

    private static async Task<IReadOnlyList<Node>> NodesAsync(FleetConnection connection, string? name, string selector, CancellationToken ct) => name is null
        ? await Pages.ReadAsync(
            token => connection.Nodes.ListAsync(new() { Selector = selector, PageToken = token }, cancellationToken: ct).ResponseAsync,
            page => page.Nodes, page => page.NextPageToken)
        : [await connection.Nodes.GetAsync(new() { Name = name }, cancellationToken: ct)];

    private static async Task<IReadOnlyList<V1.Fleet>> FleetsAsync(FleetConnection connection, string? name, string selector, CancellationToken ct) => name is null
        ? await Pages.ReadAsync(
            token => connection.Fleets.ListAsync(new() { Selector = selector, PageToken = token }, cancellationToken: ct).ResponseAsync,
            page => page.Fleets, page => page.NextPageToken)
        : [await connection.Fleets.GetAsync(new() { Name = name }, cancellationToken: ct)];

    // Two fleets with the same environment have a revision of the same name.
    private static async Task<IReadOnlyList<Revision>> RevisionsAsync(FleetConnection connection, string? name, CancellationToken ct)
    {
        var all = await Pages.ReadAsync(
            token => connection.Revisions.ListAsync(new() { PageToken = token }, cancellationToken: ct).ResponseAsync,
            page => page.Revisions, page => page.NextPageToken);
        var found = name is null ? all : [.. all.Where(revision => revision.Metadata.Name == name)];
        return name is null || found.Count > 0 ? found : throw new CliException(ExitCode.NotFound, $"Revision {name} not found; qmfleet get revisions lists them");
    }

    private static async Task<IReadOnlyList<Event>> EventsAsync(FleetConnection connection, string? number, CancellationToken ct)
    {
        if (number is null)
        {
            return await EventsVerb.ListAsync(connection, new(), ct).ToListAsync(ct);
        }

        return long.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var wanted)
            ? [await connection.Events.GetAsync(new() { Number = wanted }, cancellationToken: ct)]
            : throw new CliException(ExitCode.Invalid, $"event {number}: events have numbers, such as 12");
    }

    private static Listing Nodes(IReadOnlyList<Node> nodes, DateTimeOffset now) => new(Resources.Node, NodeRow.Header, NodeRow.MoreHeader,
        [.. nodes.Select(node => new ListedResource(node.Metadata.Name, node, NodeRow.Of(node, now), NodeRow.MoreOf(node)))]);

    private static Listing Fleets(IReadOnlyList<V1.Fleet> fleets) => new(
        Resources.Fleet, ["FLEET", "REVISION", "READY", "ROLLOUT", "PHASE", "MESSAGE"], ["SELECTOR", "LABELS"],
        [.. fleets.Select(fleet => new ListedResource(
            fleet.Metadata.Name,
            fleet,
            [
                fleet.Metadata.Name,
                Or(fleet.Status?.Revision),
                string.Create(CultureInfo.InvariantCulture, $"{fleet.Status?.Ready ?? 0}/{fleet.Status?.Nodes ?? 0}"),
                Or(fleet.Status?.Rollout?.Name),
                fleet.Status?.Rollout?.Phase.ToString() ?? "-",
                Or(fleet.Status?.Rollout?.Message),
            ],
            [Or(fleet.Spec?.Selector), NodeRow.Labels(fleet.Metadata, ',')]))]);

    private static Listing Revisions(IReadOnlyList<Revision> revisions, DateTimeOffset now) => new(
        Resources.Revision, ["REVISION", "FLEET", "AGE"], ["SHA-256"],
        [.. revisions.Select(revision => new ListedResource(
            revision.Metadata.Name,
            revision,
            [revision.Metadata.Name, revision.Fleet, Durations.Since(revision.Metadata.CreatedAt, now)],
            [Or(revision.Metadata.Uid)]))]);

    private static Listing Events(IReadOnlyList<Event> events) => new(Resources.Event, EventRow.Header, EventRow.MoreHeader,
        [.. events.Select(item => new ListedResource(EventRow.Number(item), item, EventRow.Of(item), EventRow.MoreOf(item)))]);

    private static string Or(string? text) => text is { Length: > 0 } ? text : "-";
}
