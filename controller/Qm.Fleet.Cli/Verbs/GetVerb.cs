using System.CommandLine;
using System.Globalization;
using Google.Protobuf;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Output;
using Command = System.CommandLine.Command;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>get: lists resources.</summary>
internal static class GetVerb
{
    internal static Command Make(GlobalOptions global, CliContext context)
    {
        var resource = new Argument<string>("KIND") { Description = "nodes, fleets, revisions or events; KIND/NAME for one" };
        var name = new Argument<string?>("NAME") { Description = "Only this one", Arity = ArgumentArity.ZeroOrOne };
        var output = new Option<string>("--output", "-o") { Description = string.Join(", ", Printer.Formats), DefaultValueFactory = _ => Printer.Table };
        output.AcceptOnlyFromAmong(Printer.Formats);
        var selector = new Option<string>("--selector", "-l") { Description = "Labels, such as zone=cockpit,soc in (sa8775p,imx95)", DefaultValueFactory = _ => "" };
        var command = new Command("get", """
            Shows resources, one in a line.

            Examples:
              qmfleet get nodes
              qmfleet get nodes -l zone=cockpit -o wide
              qmfleet get fleet/cockpit -o yaml
              qmfleet get revisions -o name
            """) { resource, name, output, selector };
        command.SetAction(async (parsed, ct) =>
        {
            var (kind, only) = Resources.Parse(parsed.GetValue(resource)!, parsed.GetValue(name));
            using var connection = global.Connect(parsed, context);
            await (kind switch
            {
                Resources.Node => NodesAsync(connection, context, only, parsed.GetValue(selector)!, parsed.GetValue(output)!, ct),
                Resources.Fleet => FleetsAsync(connection, context, only, parsed.GetValue(selector)!, parsed.GetValue(output)!, ct),
                Resources.Revision => RevisionsAsync(connection, context, only, parsed.GetValue(output)!, ct),
                _ => EventsVerb.ListAsync(connection, context, parsed.GetValue(output)!, ct),
            });
            return ExitCode.Done;
        });
        return command;
    }

    private static async Task NodesAsync(FleetConnection connection, CliContext context, string? name, string selector, string output, CancellationToken ct)
    {
        var nodes = name is null
            ? await PagesAsync(token => connection.Nodes.ListAsync(new() { Selector = selector, PageToken = token }, cancellationToken: ct).ResponseAsync,
                page => page.Nodes, page => page.NextPageToken)
            : [await connection.Nodes.GetAsync(new() { Name = name }, cancellationToken: ct)];
        var now = context.Time.GetUtcNow();
        await PrintAsync(context, output, Resources.Node, [.. nodes.Select(node => (node.Metadata.Name, (IMessage)node))], name is null,
            NodeRow.Header, index => NodeRow.Of(nodes[index], now), NodeRow.WideHeader, index => NodeRow.WideOf(nodes[index], now));
    }

    private static async Task FleetsAsync(FleetConnection connection, CliContext context, string? name, string selector, string output, CancellationToken ct)
    {
        var fleets = name is null
            ? await PagesAsync(token => connection.Fleets.ListAsync(new() { Selector = selector, PageToken = token }, cancellationToken: ct).ResponseAsync,
                page => page.Fleets, page => page.NextPageToken)
            : [await connection.Fleets.GetAsync(new() { Name = name }, cancellationToken: ct)];
        await PrintAsync(context, output, Resources.Fleet, [.. fleets.Select(fleet => (fleet.Metadata.Name, (IMessage)fleet))], name is null,
            ["FLEET", "REVISION", "READY", "ROLLOUT", "MESSAGE"], index => Row(fleets[index]),
            ["FLEET", "REVISION", "READY", "ROLLOUT", "MESSAGE", "SELECTOR"], index => [.. Row(fleets[index]), fleets[index].Spec.Selector]);

        static string[] Row(V1.Fleet fleet) =>
        [
            fleet.Metadata.Name,
            fleet.Status?.Revision is { Length: > 0 } revision ? revision : "-",
            string.Create(CultureInfo.InvariantCulture, $"{fleet.Status?.Ready ?? 0}/{fleet.Status?.Nodes ?? 0}"),
            fleet.Status?.Rollout?.Phase.ToString() ?? "-",
            fleet.Status?.Rollout?.Message ?? "-",
        ];
    }

    private static async Task RevisionsAsync(FleetConnection connection, CliContext context, string? name, string output, CancellationToken ct)
    {
        var all = await PagesAsync(token => connection.Fleets.ListRevisionsAsync(new() { PageToken = token }, cancellationToken: ct).ResponseAsync,
            page => page.Revisions, page => page.NextPageToken);
        var revisions = name is null ? all : [.. all.Where(revision => revision.Metadata.Name == name)];
        if (name is not null && revisions.Count == 0)
        {
            throw new CliException(ExitCode.NotFound, $"revision {name} not found; known are {string.Join(", ", all.Select(revision => revision.Metadata.Name))}");
        }

        var now = context.Time.GetUtcNow();
        await PrintAsync(context, output, Resources.Revision, [.. revisions.Select(revision => (revision.Metadata.Name, (IMessage)revision))], name is null,
            ["REVISION", "FLEET", "AGE"], Row, ["REVISION", "FLEET", "AGE", "SHA-256"], index => [.. Row(index), revisions[index].Metadata.Uid]);

        string[] Row(int index) =>
        [
            revisions[index].Metadata.Name,
            revisions[index].Fleet,
            revisions[index].Metadata.CreatedAt is { } created ? Durations.Show(now - created.ToDateTimeOffset()) : "-",
        ];
    }

    private static async Task PrintAsync(
        CliContext context, string output, string kind, IReadOnlyList<(string Name, IMessage Resource)> resources, bool isList,
        string[] header, Func<int, string[]> row, string[] wideHeader, Func<int, string[]> wideRow)
    {
        if (output is not (Printer.Table or Printer.Wide))
        {
            await Printer.WriteAsync(context.Out, output, kind, resources, isList);
            return;
        }

        if (resources.Count == 0)
        {
            await context.Error.WriteLineAsync($"no {kind}s");
            return;
        }

        var table = new Table(output == Printer.Wide ? wideHeader : header);
        for (var index = 0; index < resources.Count; index++)
        {
            table.Add(output == Printer.Wide ? wideRow(index) : row(index));
        }

        await table.WriteAsync(context.Out);
    }

    private static async Task<List<TItem>> PagesAsync<TPage, TItem>(
        Func<string, Task<TPage>> ask, Func<TPage, IEnumerable<TItem>> items, Func<TPage, string> next)
    {
        var all = new List<TItem>();
        var token = "";
        do
        {
            var page = await ask(token);
            all.AddRange(items(page));
            token = next(page);
        }
        while (token.Length > 0);
        return all;
    }
}
