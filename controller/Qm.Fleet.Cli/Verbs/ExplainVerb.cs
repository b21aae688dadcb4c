using System.CommandLine;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Explanations;
using Command = System.CommandLine.Command;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>explain: what a field of a resource means.</summary>
internal static class ExplainVerb
{
    internal static Command Make(GlobalOptions global, CliContext context)
    {
        var path = global.Names.OfFields(new Argument<string>("field") { Description = "A resource, or a field of one, such as fleet.spec.rollout" });
        var recursive = new Option<bool>("--recursive") { Description = "With everything below" };
        var command = new Command("explain", """
            Shows what a field of a resource means, with its type, units and bounds, and the fields below it. Asks no server.

            Examples:
              qmfleet explain fleet
              qmfleet explain fleet.spec.rollout
              qmfleet explain node.status.phase.phase
              qmfleet explain fleet.spec.supervision --recursive
            """) { path, recursive };
        command.SetAction(async (parsed, _) =>
        {
            var tree = FieldTree.Load();
            foreach (var line in ExplanationText.Lines(tree.Find(parsed.GetValue(path)!), tree, parsed.GetValue(recursive)))
            {
                await context.Out.WriteLineAsync(line);
            }

            return ExitCode.Done;
        });
        return command;
    }
}
