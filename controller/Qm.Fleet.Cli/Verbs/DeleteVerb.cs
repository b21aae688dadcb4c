using System.CommandLine;
using Grpc.Core;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Manifests;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>delete: forgets resources.</summary>
internal static class DeleteVerb
{
    internal static Command Make(GlobalOptions global, CliContext context)
    {
        var (resource, name) = Resources.Arguments("node or fleet");
        resource.Arity = ArgumentArity.ZeroOrOne;
        var files = new Option<string[]>("--filename", "-f") { Description = "Everything that a file, a directory, or - for standard input names; may repeat", HelpName = "file" };
        var command = new Command("delete", """
            Forgets a fleet, or what was said about a node. Nodes keep what they run.

            Examples:
              qmfleet delete fleet cockpit
              qmfleet delete node/ecu1
              qmfleet delete -f cockpit.yaml
            """) { resource, name, files };
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

            using var connection = global.Connect(parsed, context);
            return await DeleteAsync(targets, connection, context, ct);
        });
        return command;
    }

    private static (string Kind, string Name) One((string Kind, string? Name) target) => target switch
    {
        (Resources.Node or Resources.Fleet, { } name) => (target.Kind, name),
        (Resources.Node or Resources.Fleet, null) => throw new CliException(ExitCode.Invalid, $"delete {target.Kind}: which one? qmfleet get {target.Kind}s lists them"),
        _ => throw new CliException(ExitCode.Invalid, $"delete {target.Kind}: only nodes and fleets can be deleted"),
    };

    // Fleets first: a node's labels are what holds it in its fleet.
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
    private static async Task<int> DeleteAsync(
        IReadOnlyList<(string Kind, string Name)> targets, FleetConnection connection, CliContext context, CancellationToken ct)
    {
        var end = ExitCode.Done;
        foreach (var (kind, name) in targets)
        {
            try
            {
                if (kind == Resources.Fleet)
                {
                    await connection.Fleets.DeleteAsync(new() { Name = name }, cancellationToken: ct);
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

        return end;
    }
}
