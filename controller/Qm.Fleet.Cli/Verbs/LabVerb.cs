using System.CommandLine;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Output;
using Command = System.CommandLine.Command;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>lab: breaks things in a running lab on purpose, and shows what is broken.</summary>
internal static class LabVerb
{
    internal static Command Make(GlobalOptions global, CliContext context)
    {
        var directory = new Option<string?>("--lab") { Description = "The lab's directory, as it prints it [default: that of --server's socket]", HelpName = "dir", Recursive = true };
        LabConnection Connect(ParseResult parsed) => global.ConnectToLab(parsed, context, parsed.GetValue(directory));
        return new("lab", """
            Breaks things in the lab on purpose, to see what the controller makes of it.

            Examples:
              qmfleet lab fault ecu2 freeze
              qmfleet lab faults
              qmfleet lab clear
            """) { LabFaultVerb.Make(Connect, context), MakeFaults(Connect, context), MakeClear(Connect, context), directory };
    }

    private static Command MakeFaults(Func<ParseResult, LabConnection> connect, CliContext context)
    {
        var output = OutputOptions.OfLists();
        var command = new Command("faults", """
            Shows the faults that are on now.

            Examples:
              qmfleet lab faults
              qmfleet lab faults -o name
            """);
        output.AddTo(command);
        command.SetAction(async (parsed, ct) =>
        {
            using var connection = connect(parsed);
            var answer = await connection.AskAsync(lab => lab.ListFaultsAsync(new(), cancellationToken: ct));
            await new Listing("fault", ["NODE", "FAULT", "DETAIL"], [], [.. answer.Faults.Select(fault => new ListedResource(
                $"{fault.Node}/{fault.Name}", fault, [fault.Node, fault.Name, fault.Detail.Length > 0 ? fault.Detail : "-"], []))])
                .WriteAsync(context, output.FormatOf(parsed), isOne: false, output.NoHeaders(parsed));
            return ExitCode.Done;
        });
        return command;
    }

    private static Command MakeClear(Func<ParseResult, LabConnection> connect, CliContext context)
    {
        var node = new Argument<string?>("NODE") { Description = "ecu2 for an ECU with its QM, qm.ecu2 for its QM's agent alone; none for everything", Arity = ArgumentArity.ZeroOrOne };
        var command = new Command("clear", """
            Ends every fault, or those of a node.

            Examples:
              qmfleet lab clear
              qmfleet lab clear ecu2
            """) { node };
        command.SetAction(async (parsed, ct) =>
        {
            using var connection = connect(parsed);
            var answer = await connection.AskAsync(lab => lab.ClearFaultsAsync(new() { Node = parsed.GetValue(node) ?? "" }, cancellationToken: ct));
            foreach (var fault in answer.Cleared)
            {
                await context.Out.WriteLineAsync($"{PlainText.Of($"{fault.Node} {fault.Name} {fault.Detail}".TrimEnd())} cleared");
            }

            if (answer.Cleared.Count == 0)
            {
                await context.Error.WriteLineAsync("no faults");
            }

            return ExitCode.Done;
        });
        return command;
    }
}
