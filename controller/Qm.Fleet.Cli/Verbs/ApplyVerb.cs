using System.CommandLine;
using Grpc.Core;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Manifests;
using Qm.Fleet.Cli.Output;
using Qm.Fleet.V1;
using Command = System.CommandLine.Command;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>apply: makes resources as manifests say, all of them or none.</summary>
internal static class ApplyVerb
{
    internal static Command Make(GlobalOptions global, CliContext context)
    {
        var files = new Option<string[]>("--filename", "-f") { Description = "A file, a directory, or - for standard input; may repeat", HelpName = "file", Required = true };
        var dryRun = new Option<bool>("--dry-run") { Description = "Check everything, show what would be done, store nothing" };
        var noWait = new Option<bool>("--no-wait") { Description = "Do not wait for the nodes" };
        var command = new Command("apply", """
            Creates or changes fleets and nodes as manifests say, and waits until the nodes are there.

            Examples:
              qmfleet apply -f cockpit.yaml
              qmfleet apply -f nodes.yaml -f fleets/ --no-wait
              qmfleet apply -f cockpit.yaml --dry-run
              generate-fleet | qmfleet apply -f -
            """) { files, dryRun, noWait };
        command.SetAction(async (parsed, ct) =>
        {
            var limit = global.RolloutTimeout(parsed);
            using var connection = global.ConnectToWait(parsed, context);
            var manifests = await ManifestSet.ReadAsync(parsed.GetValue(files)!, context.In, ct);
            var submission = new Submission(manifests, connection, ct);
            var (nodes, fleets) = await CheckAsync(manifests, submission, context, global.ServerOf(parsed, context), ct);
            if (!manifests.IsValid)
            {
                foreach (var line in ProblemReport.Lines(manifests.Files, "nothing was stored"))
                {
                    await context.Error.WriteLineAsync(line);
                }

                return ExitCode.Invalid;
            }

            if (parsed.GetValue(dryRun))
            {
                await ShowAsync(nodes, context, "  (dry run)");
                await ShowAsync(fleets, context, "  (dry run)");
                return await PlanVerb.ShowAsync(manifests, submission, parsed.GetValue(files)!, "table", showDiff: false, context);
            }

            await ShowAsync(await submission.ApplyNodesAsync(), context);
            fleets = await submission.ApplyFleetsAsync();
            await ShowAsync(fleets, context);
            return parsed.GetValue(noWait) ? ExitCode.Done : await RolloutWait.ForAsync(fleets, connection, context, limit, ct);
        });
        return command;
    }

    // What is wrong here and what is wrong there are told together; what is wrong here can be told without the server, too.
    private static async Task<(IReadOnlyList<AppliedNode> Nodes, IReadOnlyList<AppliedFleet> Fleets)> CheckAsync(
        ManifestSet manifests, Submission submission, CliContext context, string server, CancellationToken ct)
    {
        try
        {
            return await submission.CheckAsync();
        }
        catch (RpcException e) when (!manifests.IsValid && !ct.IsCancellationRequested)
        {
            await context.Error.WriteLineAsync($"The server could not check, so there may be more: {RpcErrors.Explain(e, server).Message.Split('\n')[0]}");
            return ([], []);
        }
    }

    private static async Task ShowAsync(IReadOnlyList<AppliedNode> nodes, CliContext context, string suffix = "")
    {
        foreach (var node in nodes)
        {
            await context.Out.WriteLineAsync($"node/{node.Node.Metadata.Name} {Word(node.Result)}{suffix}");
        }
    }

    private static async Task ShowAsync(IReadOnlyList<AppliedFleet> fleets, CliContext context, string suffix = "")
    {
        foreach (var fleet in fleets)
        {
            var revision = fleet.Result != ApplyResult.Unchanged && fleet.Fleet.Status?.Revision is { Length: > 0 } name ? $"  revision {name}" : "";
            var rollout = fleet.Operation is { } operation ? $"  rollout {RolloutWait.RolloutOf(operation)}" : "";
            await context.Out.WriteLineAsync($"fleet/{fleet.Fleet.Metadata.Name} {Word(fleet.Result)}{revision}{rollout}{suffix}");
            foreach (var finding in suffix.Length == 0 && fleet.Result != ApplyResult.Unchanged ? fleet.Findings : [])
            {
                await context.Error.WriteLineAsync(PlainText.Of($"Warning: {PlanText.Of(finding)}"));
            }
        }
    }

    private static string Word(ApplyResult result) => result.ToString().ToLowerInvariant();
}
