using Google.Protobuf;
using Qm.Fleet.Cli.Kinds;
using Qm.Fleet.V1;

namespace Qm.Fleet.Cli.Output;

/// <summary>What was done to resources.</summary>
internal static class AppliedText
{
    /// <summary>Writes a line for each resource and a warning for each risk, or the API's answers.</summary>
    internal static async Task WriteAsync(
        CliContext context, IReadOnlyList<AppliedNode> nodes, IReadOnlyList<AppliedFleet> fleets, OutputFormat format, bool isTrial = false)
    {
        switch (format)
        {
            case OutputFormat.Table:
                await WriteAsync(context, nodes, fleets, isTrial ? "  (dry run)" : "");
                break;
            case OutputFormat.Name:
                foreach (var name in nodes.Select(node => $"node/{node.Node.Metadata.Name}").Concat(fleets.Select(fleet => $"fleet/{fleet.Fleet.Metadata.Name}")))
                {
                    await context.Out.WriteLineAsync(name);
                }

                break;
            default:
                IMessage[] answers = [.. nodes, .. fleets];
                await ApiText.WriteAsync(context.Out, answers, answers.Length == 1, format);
                break;
        }
    }

    private static async Task WriteAsync(CliContext context, IReadOnlyList<AppliedNode> nodes, IReadOnlyList<AppliedFleet> fleets, string suffix)
    {
        foreach (var node in nodes)
        {
            await context.Out.WriteLineAsync($"node/{node.Node.Metadata.Name} {Word(node.Result)}{suffix}");
        }

        foreach (var fleet in fleets)
        {
            var revision = fleet.Result != ApplyResult.Unchanged && fleet.Fleet.Status?.Revision is { Length: > 0 } name ? $"  revision {name}" : "";
            var rollout = fleet.Operation is { } operation ? $"  rollout {OperationKind.Short(operation.Name)}" : "";
            await context.Out.WriteLineAsync($"fleet/{fleet.Fleet.Metadata.Name} {Word(fleet.Result)}{revision}{rollout}{suffix}");
            foreach (var finding in suffix.Length == 0 && fleet.Result != ApplyResult.Unchanged ? fleet.Findings : [])
            {
                await context.Error.WriteLineAsync(PlainText.Of($"Warning: {PlanText.Of(finding)}"));
            }
        }
    }

    private static string Word(ApplyResult result) => result.ToString().ToLowerInvariant();
}
