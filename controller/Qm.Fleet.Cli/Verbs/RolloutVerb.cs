using System.CommandLine;
using Grpc.Core;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Output;
using Qm.Fleet.V1;
using Command = System.CommandLine.Command;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>rollout: why it waits, and what people decide about it.</summary>
internal static class RolloutVerb
{
    internal static Command Make(GlobalOptions global, CliContext context) => new("rollout", """
        Shows what holds a rollout up, and decides about it.

        Examples:
          qmfleet rollout why cockpit
          qmfleet rollout pause cockpit --reason "the bench is in use"
          qmfleet rollout resume cockpit
          qmfleet rollout retry cockpit --node ecu9
          qmfleet rollout undo cockpit
        """)
    {
        Why(global, context),
        Decide("pause", "Lets no further node begin; those on their way finish", global, context,
            (rollouts, fleet, reason, ct) => rollouts.PauseAsync(new() { Fleet = fleet, Reason = reason }, cancellationToken: ct)),
        Decide("resume", "Goes on, also after a failure, which is thereby taken note of", global, context,
            (rollouts, fleet, reason, ct) => rollouts.ResumeAsync(new() { Fleet = fleet, Reason = reason }, cancellationToken: ct)),
        Decide("abort", "Ends it; nodes stay where they are", global, context,
            (rollouts, fleet, reason, ct) => rollouts.AbortAsync(new() { Fleet = fleet, Reason = reason }, cancellationToken: ct)),
        Retry(global, context),
        Undo(global, context),
    };

    private static Command Why(GlobalOptions global, CliContext context)
    {
        var fleet = Fleet();
        var output = new Option<string>("--output", "-o") { Description = "How to show it", DefaultValueFactory = _ => "table" };
        output.AcceptOnlyFromAmong("table", "json", "yaml");
        var command = new Command("why", "Shows what holds it up, node by node, since when, and what would release it") { fleet, output };
        command.SetAction(async (parsed, ct) =>
        {
            using var connection = global.Connect(parsed, context);
            var explanation = await connection.Rollouts.ExplainAsync(new() { Fleet = parsed.GetValue(fleet)! }, cancellationToken: ct);
            switch (parsed.GetValue(output))
            {
                case "json":
                    await context.Out.WriteLineAsync(ApiText.Json([explanation], isOne: true));
                    break;
                case "yaml":
                    await context.Out.WriteLineAsync(ApiText.Yaml([explanation], isOne: true));
                    break;
                default:
                    await RolloutText.WriteAsync(context.Out, explanation, context.Time.GetUtcNow());
                    break;
            }

            return ExitCode.Done;
        });
        return command;
    }

    private static Command Decide(
        string name, string description, GlobalOptions global, CliContext context,
        Func<RolloutService.RolloutServiceClient, string, string, CancellationToken, AsyncUnaryCall<Rollout>> decide)
    {
        var fleet = Fleet();
        var reason = Reason();
        var command = new Command(name, description) { fleet, reason };
        command.SetAction(async (parsed, ct) =>
        {
            using var connection = global.Connect(parsed, context);
            return await ShowAsync(context, await decide(connection.Rollouts, parsed.GetValue(fleet)!, parsed.GetValue(reason)!, ct));
        });
        return command;
    }

    private static Command Retry(GlobalOptions global, CliContext context)
    {
        var fleet = Fleet();
        var nodes = new Option<string[]>("--node") { Description = "Only on this node; may be repeated" };
        var reason = Reason();
        var command = new Command("retry", "Tries the revision again where it failed") { fleet, nodes, reason };
        command.SetAction(async (parsed, ct) =>
        {
            using var connection = global.Connect(parsed, context);
            var request = new RetryRolloutRequest { Fleet = parsed.GetValue(fleet)!, Nodes = { parsed.GetValue(nodes) ?? [] }, Reason = parsed.GetValue(reason)! };
            return await ShowAsync(context, await connection.Rollouts.RetryAsync(request, cancellationToken: ct));
        });
        return command;
    }

    private static Command Undo(GlobalOptions global, CliContext context)
    {
        var fleet = Fleet();
        var reason = Reason();
        var to = new Option<string>("--to") { Description = "The revision; the one before when not given", DefaultValueFactory = _ => "" };
        var command = new Command("undo", "Begins a rollout to an earlier revision, by the fleet's own policy") { fleet, to, reason };
        command.SetAction(async (parsed, ct) =>
        {
            using var connection = global.Connect(parsed, context);
            var applied = await connection.Rollouts.UndoAsync(new() { Fleet = parsed.GetValue(fleet)!, Revision = parsed.GetValue(to)!, Reason = parsed.GetValue(reason)! }, cancellationToken: ct);
            var rollout = applied.Operation is { } operation ? $"rollout {RolloutWait.RolloutOf(operation)}" : "nothing to do";
            await context.Out.WriteLineAsync($"fleet/{applied.Fleet.Metadata.Name} revision {applied.Fleet.Status?.Revision}  {rollout}");
            return ExitCode.Done;
        });
        return command;
    }

    private static async Task<int> ShowAsync(CliContext context, Rollout rollout)
    {
        await context.Out.WriteLineAsync(PlainText.Of($"rollout/{rollout.Name} {rollout.Phase}: {rollout.Message}"));
        return ExitCode.Done;
    }

    private static Option<string> Reason() => new("--reason") { Description = "Why, for those who wonder", DefaultValueFactory = _ => "" };

    private static Argument<string> Fleet() => new("fleet") { Description = "The fleet's name" };
}
