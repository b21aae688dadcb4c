using System.CommandLine;
using Grpc.Core;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Kinds;
using Qm.Fleet.Cli.Output;
using Qm.Fleet.V1;
using Command = System.CommandLine.Command;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>rollout: how it is, why it waits, and what people decide about it.</summary>
internal static class RolloutVerb
{
    private delegate AsyncUnaryCall<Rollout> Decision(RolloutService.RolloutServiceClient rollouts, string fleet, string reason, bool isTrial, CancellationToken ct);

    internal static Command Make(GlobalOptions global, CliContext context) => new("rollout", """
        Shows how a rollout is and what holds it up, and decides about it.

        Examples:
          qmfleet rollout status cockpit
          qmfleet rollout why cockpit
          qmfleet rollout history cockpit
          qmfleet rollout pause cockpit --reason "the bench is in use"
          qmfleet rollout resume cockpit
          qmfleet rollout retry cockpit --node ecu9
          qmfleet rollout undo cockpit
        """)
    {
        Status(global, context),
        History(global, context),
        Why(global, context),
        Decide("pause", "Lets no further node begin; those on their way finish.", global, context,
            (rollouts, fleet, reason, trial, ct) => rollouts.PauseAsync(new() { Fleet = fleet, Reason = reason, DryRun = trial }, cancellationToken: ct)),
        Decide("resume", "Goes on, also after a failure, which is thereby taken note of.", global, context,
            (rollouts, fleet, reason, trial, ct) => rollouts.ResumeAsync(new() { Fleet = fleet, Reason = reason, DryRun = trial }, cancellationToken: ct)),
        Decide("abort", "Ends it; nodes stay where they are.", global, context,
            (rollouts, fleet, reason, trial, ct) => rollouts.AbortAsync(new() { Fleet = fleet, Reason = reason, DryRun = trial }, cancellationToken: ct)),
        Retry(global, context),
        Undo(global, context),
    };

    private static Command Status(GlobalOptions global, CliContext context)
    {
        var fleet = Fleet(global);
        var noWait = new Option<bool>("--no-wait") { Description = "Show how it is now, and do not wait for its end" };
        var output = OutputOptions.OfAnswers();
        var command = new Command("status", """
            Waits for the end of a fleet's newest rollout, and shows how it is. Exits with 1 when it failed, 5 when it has not ended in time.

            Examples:
              qmfleet rollout status cockpit
              qmfleet rollout status cockpit --timeout 10m
              qmfleet rollout status cockpit --no-wait -o jsonpath={.phase}
            """) { fleet, noWait };
        output.AddTo(command);
        command.SetAction(async (parsed, ct) =>
        {
            var (limit, name) = (global.RolloutTimeout(parsed), parsed.GetValue(fleet)!);
            using var connection = global.ConnectToWait(parsed, context);
            var rollout = await connection.Rollouts.GetAsync(new() { Fleet = name }, cancellationToken: ct);
            var end = ExitCode.Done;
            if (!parsed.GetValue(noWait) && rollout.Phase != Rollout.Types.Phase.Succeeded)
            {
                end = await RolloutWait.ForAsync(rollout, connection, context, limit, ct);
                rollout = await connection.Rollouts.GetAsync(new() { Fleet = name }, cancellationToken: ct);
            }

            await ShowAsync(context, rollout, output.FormatOf(parsed));
            return end;
        });
        return command;
    }

    private static Command History(GlobalOptions global, CliContext context)
    {
        var fleet = Fleet(global);
        var output = OutputOptions.OfLists();
        var command = new Command("history", """
            Shows a fleet's rollouts, newest first.

            Examples:
              qmfleet rollout history cockpit
              qmfleet rollout history cockpit -o json
            """) { fleet };
        output.AddTo(command);
        command.SetAction(async (parsed, ct) =>
        {
            using var connection = global.Connect(parsed, context);
            var rollouts = await RolloutKind.ListAsync(connection, parsed.GetValue(fleet)!, "", ct);
            await ResourceKind.Find(ResourceKind.Rollout)!.List(rollouts, context.Time.GetUtcNow()).WriteAsync(context, output.FormatOf(parsed), isOne: false, output.NoHeaders(parsed));
            return ExitCode.Done;
        });
        return command;
    }

    private static Command Why(GlobalOptions global, CliContext context)
    {
        var fleet = Fleet(global);
        var output = OutputOptions.OfAnswers();
        var command = new Command("why", """
            Shows what holds a rollout up, node by node, since when, and what would release it.

            Examples:
              qmfleet rollout why cockpit
              qmfleet rollout why cockpit -o json
            """) { fleet };
        output.AddTo(command);
        command.SetAction(async (parsed, ct) =>
        {
            using var connection = global.Connect(parsed, context);
            var explanation = await connection.Rollouts.ExplainAsync(new() { Fleet = parsed.GetValue(fleet)! }, cancellationToken: ct);
            await Answer.WriteAsync(context, output.FormatOf(parsed), explanation, () => RolloutText.WriteAsync(context.Out, explanation, context.Time.GetUtcNow()));
            return ExitCode.Done;
        });
        return command;
    }

    private static Command Decide(string name, string description, GlobalOptions global, CliContext context, Decision decide)
    {
        var (fleet, reason, dryRun, output) = (Fleet(global), OperationOptions.ReasonOption(), OperationOptions.DryRunOption(), OutputOptions.OfAnswers());
        var command = new Command(name, $"""
            {description}

            Examples:
              qmfleet rollout {name} cockpit
              qmfleet rollout {name} cockpit --reason "the bench is in use"
            """) { fleet, reason, dryRun };
        output.AddTo(command);
        command.SetAction(async (parsed, ct) =>
        {
            using var connection = global.Connect(parsed, context);
            var decided = await decide(connection.Rollouts, parsed.GetValue(fleet)!, parsed.GetValue(reason)!, parsed.GetValue(dryRun), ct);
            await ShowAsync(context, decided, output.FormatOf(parsed));
            return ExitCode.Done;
        });
        return command;
    }

    private static Command Retry(GlobalOptions global, CliContext context)
    {
        var (fleet, reason, dryRun, output) = (Fleet(global), OperationOptions.ReasonOption(), OperationOptions.DryRunOption(), OutputOptions.OfAnswers());
        var nodes = global.Names.OfNodes(new Option<string[]>("--node") { Description = "Only on this node; may be repeated", HelpName = "name" });
        var command = new Command("retry", """
            Tries the revision again where it failed.

            Examples:
              qmfleet rollout retry cockpit
              qmfleet rollout retry cockpit --node ecu9 --reason "a new cable"
            """) { fleet, nodes, reason, dryRun };
        output.AddTo(command);
        command.SetAction(async (parsed, ct) =>
        {
            using var connection = global.Connect(parsed, context);
            var request = new RetryRolloutRequest
            {
                Fleet = parsed.GetValue(fleet)!,
                Nodes = { parsed.GetValue(nodes) ?? [] },
                Reason = parsed.GetValue(reason)!,
                DryRun = parsed.GetValue(dryRun),
            };
            await ShowAsync(context, await connection.Rollouts.RetryAsync(request, cancellationToken: ct), output.FormatOf(parsed));
            return ExitCode.Done;
        });
        return command;
    }

    private static Command Undo(GlobalOptions global, CliContext context)
    {
        var (fleet, reason, dryRun, output) = (Fleet(global), OperationOptions.ReasonOption(), OperationOptions.DryRunOption(), OutputOptions.OfAnswers());
        var to = new Option<string>("--to") { Description = "The revision; the one before when not given", HelpName = "revision", DefaultValueFactory = _ => "" };
        var noWait = new Option<bool>("--no-wait") { Description = "Do not wait for the nodes" };
        var command = new Command("undo", """
            Begins a rollout to an earlier revision, by the fleet's own policy, and waits until the nodes are there.

            Examples:
              qmfleet rollout undo cockpit
              qmfleet rollout undo cockpit --to 9f3a61c2 --no-wait
            """) { fleet, to, reason, noWait, dryRun };
        output.AddTo(command);
        command.SetAction(async (parsed, ct) =>
        {
            var (limit, isTrial) = (global.RolloutTimeout(parsed), parsed.GetValue(dryRun));
            using var connection = global.ConnectToWait(parsed, context);
            var request = new UndoRolloutRequest { Fleet = parsed.GetValue(fleet)!, Revision = parsed.GetValue(to)!, Reason = parsed.GetValue(reason)!, DryRun = isTrial };
            var applied = await connection.Rollouts.UndoAsync(request, cancellationToken: ct);
            var rollout = applied.Operation is { } operation ? $"rollout {RolloutWait.RolloutOf(operation)}" : "nothing to do";
            await Answer.WriteAsync(context, output.FormatOf(parsed), applied,
                $"fleet/{applied.Fleet.Metadata.Name} revision {applied.Fleet.Status?.Revision}  {rollout}{(isTrial ? "  (dry run)" : "")}");
            return isTrial || parsed.GetValue(noWait) ? ExitCode.Done : await RolloutWait.ForAsync([applied], connection, context, limit, ct);
        });
        return command;
    }

    private static Task ShowAsync(CliContext context, Rollout rollout, OutputFormat format) => Answer.WriteAsync(
        context, format, rollout, $"rollout/{rollout.Name} {rollout.Phase}{(rollout.Message.Length > 0 ? $": {rollout.Message}" : "")}");

    private static Argument<string> Fleet(GlobalOptions global) => global.Names.OfFleets(new Argument<string>("fleet") { Description = "The fleet's name" });
}
