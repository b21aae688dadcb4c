using System.CommandLine;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Output;
using Command = System.CommandLine.Command;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>diff: what differs between two revisions of a fleet.</summary>
internal static class DiffVerb
{
    internal static Command Make(GlobalOptions global, CliContext context)
    {
        var fleet = global.Names.OfFleets(new Argument<string>("fleet") { Description = "The fleet's name" });
        var from = new Argument<string>("from") { Description = "The revision to compare from; the one before when not given", DefaultValueFactory = _ => "" };
        var to = new Argument<string>("to") { Description = "The revision to compare with; the fleet's current one when not given", DefaultValueFactory = _ => "" };
        var output = OutputOptions.OfAnswers();
        var command = new Command("diff", """
            Shows what differs between two revisions of a fleet, field by field, and what each change disrupts.

            Examples:
              qmfleet diff cockpit
              qmfleet diff cockpit 9f3a61c2
              qmfleet diff cockpit 9f3a61c2 41d07be9
            """) { fleet, from, to };
        output.AddTo(command);
        command.SetAction(async (parsed, ct) =>
        {
            using var connection = global.Connect(parsed, context);
            var diff = await connection.Revisions.DiffAsync(
                new() { Fleet = parsed.GetValue(fleet)!, From = parsed.GetValue(from)!, To = parsed.GetValue(to)! }, cancellationToken: ct);
            await Answer.WriteAsync(context, output.FormatOf(parsed), diff, async () =>
            {
                await context.Out.WriteLineAsync(PlainText.Of($"Fleet {parsed.GetValue(fleet)}  {(diff.From.Length == 0 ? "nothing" : diff.From)} -> {diff.To}{(diff.Changes.Count == 0 ? "    no difference" : "")}"));
                foreach (var line in PlanText.Changes(diff.Changes))
                {
                    await context.Out.WriteLineAsync(PlainText.Of(line));
                }
            });
            return ExitCode.Done;
        });
        return command;
    }
}
