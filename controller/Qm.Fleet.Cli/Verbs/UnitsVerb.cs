using System.CommandLine;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Output;
using Command = System.CommandLine.Command;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>units: what systemd inside QM has.</summary>
internal static class UnitsVerb
{
    internal static Command Make(GlobalOptions global, CliContext context)
    {
        var node = global.Names.OfNodes(new Argument<string>("node") { Description = "The node's name" });
        var patterns = new Argument<string[]>("pattern") { Description = "Only units that match one of these, with * and ? as in systemctl", Arity = ArgumentArity.ZeroOrMore };
        var output = OutputOptions.OfLists();
        var command = new Command("units", """
            Shows the units inside QM of a node, read through BlueChi now.

            Examples:
              qmfleet units ecu2
              qmfleet units ecu2 'radio*' '*.timer'
              qmfleet units ecu2 -o jsonpath='{.items[?(@.activeState=="failed")].name}'
            """) { node, patterns };
        output.AddTo(command);
        command.SetAction(async (parsed, ct) =>
        {
            using var connection = global.Connect(parsed, context);
            var units = await Pages.ReadAsync(
                token => connection.Nodes.ListUnitsAsync(new() { Node = parsed.GetValue(node)!, Patterns = { parsed.GetValue(patterns) ?? [] }, PageToken = token }, cancellationToken: ct).ResponseAsync,
                page => page.Units, page => page.NextPageToken);
            var listing = new Listing("unit", ["UNIT", "LOAD", "ACTIVE", "SUB", "FLEET", "DESCRIPTION"], ["FREEZER"], [.. units.Select(unit => new ListedResource(
                unit.Name, unit,
                [unit.Name, unit.LoadState, unit.ActiveState, unit.SubState, Description.Or(unit.Fleet), unit.Description],
                [Description.Or(unit.FreezerState)]))]);
            await listing.WriteAsync(context, output.FormatOf(parsed), isOne: false, output.NoHeaders(parsed));
            return ExitCode.Done;
        });
        return command;
    }
}
