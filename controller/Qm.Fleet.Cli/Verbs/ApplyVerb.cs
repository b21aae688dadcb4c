using System.CommandLine;
using System.Globalization;
using Grpc.Core;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Manifests;
using Qm.Fleet.V1;
using Command = System.CommandLine.Command;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>apply: makes resources as manifests say, all of them or none.</summary>
internal static class ApplyVerb
{
    internal static Command Make(GlobalOptions global, CliContext context)
    {
        var files = new Option<string[]>("--filename", "-f") { Description = "A file, a directory, or - for standard input; may repeat", Required = true };
        var dryRun = new Option<bool>("--dry-run") { Description = "Check everything, store nothing" };
        var noWait = new Option<bool>("--no-wait") { Description = "Do not wait for the nodes" };
        var timeout = new Option<string>("--timeout") { Description = "How long to wait, such as 90s or 5m", DefaultValueFactory = _ => "10m" };
        var command = new Command("apply", """
            Creates or changes fleets and nodes as manifests say, and waits until the nodes are there.

            Examples:
              qmfleet apply -f cockpit.yaml
              qmfleet apply -f fleets/ --no-wait
              generate-fleet | qmfleet apply -f -
            """) { files, dryRun, noWait, timeout };
        command.SetAction(async (parsed, ct) =>
        {
            var limit = Durations.Parse("--timeout", parsed.GetValue(timeout)!);
            var manifests = await ManifestSet.ReadAsync(parsed.GetValue(files)!, context.In, ct);
            using var connection = global.Connect(parsed, context);
            if (!await CheckAsync(manifests, connection, context, ct))
            {
                return ExitCode.Invalid;
            }

            var applied = await ApplyAsync(manifests, connection, context, parsed.GetValue(dryRun), ct);
            return parsed.GetValue(dryRun) || parsed.GetValue(noWait) ? ExitCode.Done : await RolloutWait.ForAsync(applied, connection, context, limit, ct);
        });
        return command;
    }

    // What is wrong here and what is wrong there are told together, and nothing is stored for either.
    private static async Task<bool> CheckAsync(ManifestSet manifests, FleetConnection connection, CliContext context, CancellationToken ct)
    {
        var nodes = manifests.Of("Node").ToArray();
        var fleets = manifests.Of("Fleet").ToArray();
        try
        {
            await NoteAsync("nodes", nodes, async () => await connection.Nodes.ApplyAsync(ToNodes(nodes, dryRun: true), cancellationToken: ct));
            await NoteAsync("fleets", fleets, async () => await connection.Fleets.ApplyAsync(ToFleets(fleets, dryRun: true), cancellationToken: ct));
        }
        catch (RpcException) when (manifests.Report().Any())
        {
            // What is wrong with the files can be told without the server; the rest comes when they are mended.
        }

        var valid = true;
        foreach (var line in manifests.Report())
        {
            valid = false;
            await context.Error.WriteLineAsync(line);
        }

        return valid;
    }

    private static async Task NoteAsync(string list, ManifestResource[] resources, Func<Task> call)
    {
        if (resources.Length == 0)
        {
            return;
        }

        try
        {
            await call();
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.InvalidArgument && RpcErrors.Violations(e) is { Count: > 0 } violations)
        {
            foreach (var violation in violations)
            {
                var (resource, path) = Locate(list, resources, violation.Field);
                resource.File.Problems.Add(new(resource.Document, resource.LineOf(path), path, violation.Description));
            }
        }
    }

    // The server writes fleets[3].spec.selector.
    private static (ManifestResource Resource, string Path) Locate(string list, ManifestResource[] resources, string field)
    {
        var end = field.IndexOf(']', StringComparison.Ordinal);
        return field.StartsWith(list + '[', StringComparison.Ordinal) && end > 0
            && int.TryParse(field.AsSpan(list.Length + 1, end - list.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var index) && index < resources.Length
            ? (resources[index], field[(end + 1)..].TrimStart('.'))
            : (resources[0], field);
    }

    private static async Task<IReadOnlyList<AppliedFleet>> ApplyAsync(
        ManifestSet manifests, FleetConnection connection, CliContext context, bool dryRun, CancellationToken ct)
    {
        var suffix = dryRun ? "  (dry run)" : "";
        var nodes = manifests.Of("Node").ToArray();
        if (nodes.Length > 0)
        {
            foreach (var node in (await connection.Nodes.ApplyAsync(ToNodes(nodes, dryRun), cancellationToken: ct)).Results)
            {
                await context.Out.WriteLineAsync($"node/{node.Node.Metadata.Name} {Word(node.Result)}{suffix}");
            }
        }

        var fleets = manifests.Of("Fleet").ToArray();
        if (fleets.Length == 0)
        {
            return [];
        }

        var response = await connection.Fleets.ApplyAsync(ToFleets(fleets, dryRun), cancellationToken: ct);
        foreach (var fleet in response.Results)
        {
            var rollout = fleet.Operation is { } operation ? $"  rollout {operation.Name["operations/".Length..]}" : "";
            var revision = fleet.Fleet.Status?.Revision is { Length: > 0 } name ? $"  revision {name}" : "";
            await context.Out.WriteLineAsync($"fleet/{fleet.Fleet.Metadata.Name} {Word(fleet.Result)}{revision}{rollout}{suffix}");
        }

        return response.Results;
    }

    private static ApplyNodesRequest ToNodes(ManifestResource[] nodes, bool dryRun) => new() { DryRun = dryRun, Nodes = { nodes.Select(node => (Node)node.Resource) } };

    private static ApplyFleetsRequest ToFleets(ManifestResource[] fleets, bool dryRun) => new() { DryRun = dryRun, Fleets = { fleets.Select(fleet => (V1.Fleet)fleet.Resource) } };

    private static string Word(ApplyResult result) => result.ToString().ToLowerInvariant();
}
