using System.CommandLine;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Kinds;
using Qm.Fleet.Cli.Output;
using Qm.Fleet.V1;
using Command = System.CommandLine.Command;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>node retire: takes nodes out for good, as they are or without what QM Fleet brought.</summary>
internal static class NodeRetireVerb
{
    internal static Command Make(GlobalOptions global, CliContext context)
    {
        var names = global.Names.OfNodes(new Argument<string[]>("node") { Description = "The nodes' names", Arity = ArgumentArity.OneOrMore });
        var (reason, dryRun, output) = (OperationOptions.ReasonOption(), OperationOptions.DryRunOption(), OutputOptions.OfAnswers());
        (reason.Required, reason.DefaultValueFactory) = (true, null);
        var remove = new Option<bool>("--remove") { Description = "Take what QM Fleet brought off the node first, and wait for that" };
        var noWait = new Option<bool>("--no-wait") { Description = "With --remove: do not wait for its end" };
        var command = new Command("retire", """
            Takes nodes out for good. A node leaves its fleet and is cordoned, its certificates are revoked and its stream ends; nothing on it is changed by QM Fleet any more, and it does not
            come back by itself, also when BlueChi still knows it. What QM Fleet brought stays on it and runs on: its drop-ins (50-qm-fleet.conf, zz-qm-fleet.conf), the workloads' quadlets,
            the rootfs slots, and the agent extension, which is let in no more. With --remove all of that but the agent extension is taken off first, in the windows, under the preconditions
            and the budget of the node's fleet, and what is not to stay in force is restarted; the certificates are revoked when nothing is left. A node that is away or cordoned is waited for:
            qmfleet cancel calls it off, and without --remove the node is retired at once as it is.

            Examples:
              qmfleet node retire ecu9 --reason "sold with the car"
              qmfleet node retire ecu1 ecu2 --reason "sold with the car" --dry-run
              qmfleet node retire ecu9 --reason "goes back to the pool" --remove --timeout 10m
              qmfleet node retire ecu9 --reason "goes back to the pool" --remove --no-wait
            """) { names, reason, remove, dryRun, noWait };
        output.AddTo(command);
        command.SetAction(async (parsed, ct) =>
        {
            var (isTrial, isRemoval, format, limit) = (parsed.GetValue(dryRun), parsed.GetValue(remove), output.FormatOf(parsed), global.RolloutTimeout(parsed));
            using var connection = global.ConnectToWait(parsed, context);
            var nodes = new List<Node>();
            foreach (var name in parsed.GetValue(names)!)
            {
                nodes.Add(await connection.Nodes.RetireAsync(new() { Name = name, Reason = parsed.GetValue(reason)!, DryRun = isTrial, Remove = isRemoval }, cancellationToken: ct));
                await TellAsync(nodes[^1]);
            }

            var end = ExitCode.Done;
            for (var at = 0; at < nodes.Count && !isTrial && !parsed.GetValue(noWait); at++)
            {
                // All of them are on their way, so the one after the next may be first.
                if (nodes[at].Status?.Retiring is { } retiring)
                {
                    var (ended, _) = await OperationWait.ForAsync(await connection.Operations.GetAsync(new() { Name = retiring.Operation }, cancellationToken: ct), connection, context, limit, ct);
                    end = end == ExitCode.Done ? ended : end;
                    nodes[at] = await connection.Nodes.GetAsync(new() { Name = nodes[at].Metadata.Name }, cancellationToken: ct);
                    if (ended == ExitCode.Done)
                    {
                        await TellAsync(nodes[at]);
                    }
                }
            }

            if (!format.IsForPeople)
            {
                await ApiText.WriteAsync(context.Out, nodes, nodes.Count == 1, format);
            }

            return end;

            async Task TellAsync(Node node)
            {
                if (format.IsForPeople)
                {
                    var how = node.Status?.Retiring is { } retiring ? $"is retired when it is clean  {(isTrial ? "(dry run)" : $"operation/{OperationKind.Short(retiring.Operation)}")}" : $"retired{(isTrial ? "  (dry run)" : "")}";
                    await context.Out.WriteLineAsync(PlainText.Of($"node/{node.Metadata.Name} {how}"));
                }
            }
        });
        return command;
    }
}
