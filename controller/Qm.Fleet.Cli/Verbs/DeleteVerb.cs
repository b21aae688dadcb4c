using System.CommandLine;
using Grpc.Core;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Kinds;
using Qm.Fleet.Cli.Manifests;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>delete: forgets resources.</summary>
internal static class DeleteVerb
{
    internal static Command Make(GlobalOptions global, CliContext context)
    {
        var (resource, name) = Resources.Arguments("node or fleet");
        global.Names.OfResources(resource, name);
        resource.Arity = ArgumentArity.ZeroOrOne;
        var files = new Option<string[]>("--filename", "-f") { Description = "Everything that a file, a directory, or - for standard input names; may repeat", HelpName = "file" };
        var onDelete = new Option<string>("--on-delete") { Description = "What becomes of a fleet's nodes; without it, what its spec.onDelete says" };
        onDelete.AcceptOnlyFromAmong("remove", "orphan");
        var noWait = new Option<bool>("--no-wait") { Description = "Do not wait until the nodes are clean" };
        var command = new Command("delete", """
            Deletes a fleet, and waits until what it brought is taken away from its nodes; or forgets what was said about a node.

            A fleet is taken away as a rollout brings one: in batches, in maintenance windows, under the budget. A node that is away is cleaned when it
            returns, and the fleet is gone after that. With --on-delete orphan it is gone at once, and its nodes keep what they run.

            Examples:
              qmfleet delete fleet cockpit
              qmfleet delete fleet cockpit --on-delete orphan
              qmfleet delete node/ecu1
              qmfleet delete -f cockpit.yaml
            """) { resource, name, files, onDelete, noWait };
        command.SetAction(async (parsed, ct) =>
        {
            var sources = parsed.GetValue(files) ?? [];
            var word = parsed.GetValue(resource);
            if ((word is null) == (sources.Length == 0))
            {
                throw new CliException(ExitCode.Invalid, "delete: expected either a node or a fleet by name, such as delete fleet cockpit, or files with -f");
            }

            var targets = word is null ? await OfFilesAsync(sources, context, ct) : [One(Resources.Parse(word, parsed.GetValue(name)))];
            if (targets.Count == 0)
            {
                return ExitCode.Invalid;
            }

            var (fleets, nodes) = (targets.Where(target => target.Kind == ResourceKind.Fleet).ToArray(), targets.Where(target => target.Kind == ResourceKind.Node).ToArray());
            if (parsed.GetValue(noWait) && fleets.Length > 0 && nodes.Length > 0 && parsed.GetValue(onDelete) != "orphan")
            {
                throw new CliException(ExitCode.Invalid, "delete: a node that is forgotten is not cleaned, so nodes wait until their fleets are gone; leave out --no-wait, or say --on-delete orphan");
            }

            var limit = global.RolloutTimeout(parsed);
            using var connection = global.ConnectToWait(parsed, context);
            var (end, deleting) = await DeleteAsync(fleets, parsed.GetValue(onDelete) ?? "", connection, context, ct);
            var gone = parsed.GetValue(noWait) ? ExitCode.Done : await RolloutWait.ForGoneAsync(deleting, connection, context, limit, ct);
            if (gone != ExitCode.Done)
            {
                return gone;
            }

            var (rest, _) = await DeleteAsync(nodes, "", connection, context, ct);
            return end == ExitCode.Done ? rest : end;
        });
        return command;
    }

    private static (string Kind, string Name) One((ResourceKind Kind, string? Name) target) => (target.Kind.Name, target.Name) switch
    {
        (ResourceKind.Node or ResourceKind.Fleet, { } name) => (target.Kind.Name, name),
        (ResourceKind.Node or ResourceKind.Fleet, null) => throw new CliException(ExitCode.Invalid, $"delete {target.Kind.Name}: which one? qmfleet get {target.Kind.Plural} lists them"),
        _ => throw new CliException(ExitCode.Invalid, $"delete {target.Kind.Name}: only nodes and fleets can be deleted"),
    };

    // Fleets first: a node's labels are what holds it in its fleet, and what it has of that is taken away while they do.
    private static async Task<IReadOnlyList<(string Kind, string Name)>> OfFilesAsync(string[] sources, CliContext context, CancellationToken ct)
    {
        var manifests = await ManifestSet.ReadAsync(sources, context.In, ct);
        foreach (var line in ProblemReport.Lines(manifests.Files, "nothing was deleted"))
        {
            await context.Error.WriteLineAsync(line);
        }

        return !manifests.IsValid ? [] : [.. manifests.Of(nameof(Fleet)).Concat(manifests.Of(nameof(V1.Node))).Select(resource => (resource.Kind.ToLowerInvariant(), resource.Name))];
    }

    // What is not there is told and does not keep the others.
    private static async Task<(int End, IReadOnlyList<V1.Fleet> Deleting)> DeleteAsync(
        IReadOnlyList<(string Kind, string Name)> targets, string onDelete, FleetConnection connection, CliContext context, CancellationToken ct)
    {
        var (end, deleting) = (ExitCode.Done, new List<V1.Fleet>());
        foreach (var (kind, name) in targets)
        {
            try
            {
                if (kind == ResourceKind.Fleet)
                {
                    var fleet = await connection.Fleets.DeleteAsync(new() { Name = name, OnDelete = onDelete }, cancellationToken: ct);
                    if (fleet.Status?.DeletingSince is not null)
                    {
                        deleting.Add(fleet);
                        await context.Out.WriteLineAsync($"fleet/{name} deleting  rollout {fleet.Status.Rollout.Name}");
                        continue;
                    }
                }
                else
                {
                    await connection.Nodes.DeleteAsync(new() { Name = name }, cancellationToken: ct);
                }

                await context.Out.WriteLineAsync($"{kind}/{name} deleted");
            }
            catch (RpcException e) when (e.StatusCode == StatusCode.NotFound)
            {
                await context.Error.WriteLineAsync(e.Status.Detail);
                end = ExitCode.NotFound;
            }
        }

        return (end, deleting);
    }
}
