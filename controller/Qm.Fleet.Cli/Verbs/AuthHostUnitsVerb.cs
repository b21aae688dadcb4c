using System.CommandLine;
using System.Globalization;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Output;
using Command = System.CommandLine.Command;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>auth host-units: the units outside QM that people may reach.</summary>
internal static class AuthHostUnitsVerb
{
    internal static Command Make(GlobalOptions global, CliContext context) => new("host-units", """
        Lists units outside QM by exact name, so that people may reach them with --on-host. All others are out of reach for everybody.

        Examples:
          qmfleet auth host-units allow heater.service --reason "bench 4 has no ignition" -l bench=4
          qmfleet auth host-units list
        """) { List(global, context), Allow(global, context), Remove(global, context) };

    private static Command List(GlobalOptions global, CliContext context)
    {
        var output = OutputOptions.OfLists();
        var command = new Command("list", """
            Shows the units outside QM that people may reach, on which nodes, and why.

            Examples:
              qmfleet auth host-units list
            """);
        output.AddTo(command);
        command.SetAction(async (parsed, ct) =>
        {
            using var connection = global.Connect(parsed, context);
            var units = (await connection.HostUnits.ListAsync(new(), cancellationToken: ct)).HostUnits;
            var listing = new Listing("host-unit", ["UNIT", "NODES", "BY", "SINCE", "REASON"], [], [.. units.Select(static unit => new ListedResource(
                unit.Unit, unit,
                [unit.Unit, unit.Selector.Length == 0 ? "all" : unit.Selector, unit.CreatedBy, unit.CreatedAt.ToDateTimeOffset().ToString("yyyy-MM-dd HH:mm'Z'", CultureInfo.InvariantCulture), unit.Reason], []))]);
            await listing.WriteAsync(context, output.FormatOf(parsed), isOne: false, output.NoHeaders(parsed));
            return ExitCode.Done;
        });
        return command;
    }

    private static Command Allow(GlobalOptions global, CliContext context)
    {
        var unit = new Argument<string>("unit") { Description = "The unit's exact name, with its suffix" };
        var reason = new Option<string>("--reason") { Description = "Why; told with each use", HelpName = "text", Required = true };
        var selector = new Option<string>("--selector", "-l") { Description = "Only on nodes with such labels, such as bench=4", HelpName = "selector", DefaultValueFactory = _ => "" };
        var (dryRun, output) = (OperationOptions.DryRunOption(), OutputOptions.OfAnswers());
        var command = new Command("allow", """
            Lists a unit outside QM. A service, socket, timer or path can be listed, but not what a node is reached through.

            Examples:
              qmfleet auth host-units allow heater.service --reason "bench 4 has no ignition" -l bench=4
            """) { unit, reason, selector, dryRun };
        output.AddTo(command);
        command.SetAction(async (parsed, ct) =>
        {
            using var connection = global.Connect(parsed, context);
            var wanted = new V1.HostUnit { Unit = parsed.GetValue(unit)!, Reason = parsed.GetValue(reason)!, Selector = parsed.GetValue(selector)! };
            var listed = await connection.HostUnits.AllowAsync(new() { HostUnit = wanted, DryRun = parsed.GetValue(dryRun) }, cancellationToken: ct);
            await Answer.WriteAsync(
                context, output.FormatOf(parsed), listed,
                $"host-unit/{listed.Unit} allowed on {(listed.Selector.Length == 0 ? "every node" : $"nodes with {listed.Selector}")}{(parsed.GetValue(dryRun) ? " (dry run)" : "")}");
            return ExitCode.Done;
        });
        return command;
    }

    private static Command Remove(GlobalOptions global, CliContext context)
    {
        var (unit, dryRun) = (new Argument<string>("unit") { Description = "The unit's exact name" }, OperationOptions.DryRunOption());
        var command = new Command("remove", """
            Takes a unit outside QM from the list: it is out of reach again.

            Examples:
              qmfleet auth host-units remove heater.service
            """) { unit, dryRun };
        command.SetAction(async (parsed, ct) =>
        {
            using var connection = global.Connect(parsed, context);
            var isTrial = parsed.GetValue(dryRun);
            var removed = await connection.HostUnits.RemoveAsync(new() { Unit = parsed.GetValue(unit)!, DryRun = isTrial }, cancellationToken: ct);
            await context.Out.WriteLineAsync(PlainText.Of($"host-unit/{removed.Unit} removed: it is out of reach{(isTrial ? "  (dry run)" : "")}"));
            return ExitCode.Done;
        });
        return command;
    }
}
