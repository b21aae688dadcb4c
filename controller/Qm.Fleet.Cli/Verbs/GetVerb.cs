using System.CommandLine;
using Google.Protobuf;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Kinds;
using Qm.Fleet.Cli.Output;
using Qm.Fleet.Cli.Output.JsonPaths;
using Command = System.CommandLine.Command;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>get: resources, one in a line, or as the API has them.</summary>
internal static class GetVerb
{
    internal static Command Make(GlobalOptions global, CliContext context)
    {
        var (resource, name) = Resources.Arguments("nodes, fleets, revisions, rollouts, operations, events, sites or enrollments");
        global.Names.OfResources(resource, name);
        var output = OutputOptions.OfLists();
        var selection = new SelectionOptions();
        var sortBy = new Option<string?>("--sort-by") { Description = "Sort by what this JSONPath leads to, such as .status.phase.since", HelpName = "path" };
        var order = new Option<string>("--order") { Description = "Which way to sort: asc or desc", HelpName = "way", DefaultValueFactory = _ => "asc" };
        order.AcceptOnlyFromAmong("asc", "desc");
        var watch = new Option<bool>("--watch", "-w") { Description = "Go on with what changes until Ctrl-C" };
        var command = new Command("get", """
            Shows resources, one in a line.

            Examples:
              qmfleet get nodes
              qmfleet get nodes -l zone=cockpit -o wide
              qmfleet get nodes --field-selector spec.cordoned=true -o name
              qmfleet get nodes -o custom-columns=NAME:.metadata.name,PHASE:.status.phase.phase
              qmfleet get nodes --sort-by .status.phase.since --order desc
              qmfleet get fleet/cockpit -o yaml
              qmfleet get fleet cockpit -o jsonpath='{.status.ready} of {.status.nodes}{"\n"}'
              qmfleet get fleets -w
              qmfleet get rollouts
              qmfleet get operations --field-selector done=false
              qmfleet get event 12 -o json
              qmfleet get enrollments --field-selector state=PENDING
            """) { resource, name };
        output.AddTo(command);
        selection.AddTo(command);
        command.Add(sortBy);
        command.Add(order);
        command.Add(watch);
        command.SetAction(async (parsed, ct) =>
        {
            var (kind, only) = Resources.Parse(parsed.GetValue(resource)!, parsed.GetValue(name));
            var query = selection.QueryOf(parsed, kind, only);
            var path = parsed.GetValue(sortBy) is { } sort ? Path(sort) : null;
            var (format, noHeaders) = (output.FormatOf(parsed), output.NoHeaders(parsed));
            using var connection = global.Connect(parsed, context);
            if (parsed.GetValue(watch))
            {
                return await WatchAsync(kind, only, query, connection, context, format, noHeaders, ct);
            }

            var found = only is null ? await kind.ListAsync(connection, query, ct) : await kind.GetAsync(connection, only, ct);
            var listing = kind.List(found, context.Time.GetUtcNow());
            listing = path is null ? listing : listing.SortedBy(path, parsed.GetValue(order) == "desc");
            await listing.WriteAsync(context, format, only is not null && found.Count == 1, noHeaders);
            return ExitCode.Done;
        });
        return command;
    }

    private static JsonPath Path(string text)
    {
        try
        {
            return JsonPath.Parse(text);
        }
        catch (JsonPathException e)
        {
            throw new CliException(ExitCode.Invalid, FormattableString.Invariant($"--sort-by {text}: {e.Message} (letter {e.Position})"));
        }
    }

    private static async Task<int> WatchAsync(
        ResourceKind kind, string? only, ResourceQuery query, FleetConnection connection, CliContext context, OutputFormat format, bool noHeaders, CancellationToken ct)
    {
        var watching = kind.Watch(connection, context, only is null ? query : kind.QueryOf(only))
            ?? throw new CliException(ExitCode.Invalid, $"-w: nobody tells changes of {kind.Plural}; qmfleet wait {kind.Name}/NAME waits for one of them");
        var shown = new ShownResources(kind, context, format, noHeaders);
        var (snapshot, isSnapshot) = (new List<IMessage>(), true);
        await foreach (var change in watching.RunAsync("", ct))
        {
            switch (change)
            {
                case { Resource: null } when isSnapshot:
                    isSnapshot = false;
                    await shown.WriteAllAsync(snapshot);
                    break;
                case { Resource: null }:
                    break;
                case { Type: V1.ChangeType.Deleted }:
                    snapshot.RemoveAll(known => kind.NameOf(known) == change.Name);
                    await context.Error.WriteLineAsync(PlainText.Of($"{kind.Name}/{change.Name} deleted"));
                    break;
                case { Resource: { } resource } when isSnapshot && kind.HasSnapshot:
                    snapshot.Add(resource);
                    break;
                case { Resource: { } resource }:
                    await shown.WriteAsync(resource);
                    break;
            }

            await context.Out.FlushAsync(ct);
        }

        return ExitCode.Done;
    }
}
