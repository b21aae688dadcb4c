using System.CommandLine;
using Grpc.Core;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Output;
using Qm.Fleet.V1;
using Command = System.CommandLine.Command;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>node: what people decide about nodes.</summary>
internal static class NodeVerb
{
    private delegate AsyncUnaryCall<Node> Decision(NodeService.NodeServiceClient nodes, string name, string reason, bool isTrial, CancellationToken ct);

    internal static Command Make(GlobalOptions global, CliContext context) => new("node", """
        Decides about nodes.

        Examples:
          qmfleet node cordon ecu9 --reason "on the bench"
          qmfleet node uncordon ecu9
          qmfleet node quarantine ecu9 --reason "smells of smoke"
          qmfleet node release ecu9
          qmfleet node retire ecu9 --reason "sold with the car"
          qmfleet node reenroll ecu9
          qmfleet node restart-qm ecu9
          qmfleet node set-property ecu9 radio.service MemoryHigh=256M
        """)
    {
        Decide("cordon", "cordoned", "Lets no rollout and no healing touch nodes; they are watched on.", global, context,
            (nodes, name, reason, trial, ct) => nodes.CordonAsync(new() { Name = name, Reason = reason, DryRun = trial }, cancellationToken: ct)),
        Decide("uncordon", "uncordoned", "Ends a cordon.", global, context,
            (nodes, name, reason, trial, ct) => nodes.UncordonAsync(new() { Name = name, Reason = reason, DryRun = trial }, cancellationToken: ct)),
        Decide("quarantine", "quarantined", "Leaves nodes alone: nothing on them is healed or rolled out until they are released.", global, context,
            (nodes, name, reason, trial, ct) => nodes.QuarantineAsync(new() { Name = name, Reason = reason, DryRun = trial }, cancellationToken: ct)),
        Decide("release", "released", "Ends a quarantine; what failed on the node before is forgotten.", global, context,
            (nodes, name, reason, trial, ct) => nodes.ReleaseAsync(new() { Name = name, Reason = reason, DryRun = trial }, cancellationToken: ct)),
        NodeRetireVerb.Make(global, context),
        Decide("reenroll", "may enrol once more", """
            Lets nodes enrol once more, with another key: after a retirement, or when a node has lost its key. The certificates they have are revoked. What was retired stays cordoned until
            somebody uncordons it.
            """, global, context,
            (nodes, name, reason, trial, ct) => nodes.ReenrollAsync(new() { Name = name, Reason = reason, DryRun = trial }, cancellationToken: ct)),
        RestartQm(global, context),
        SetProperty(global, context),
    };

    private static Command Decide(string verb, string outcome, string description, GlobalOptions global, CliContext context, Decision decide)
    {
        var names = global.Names.OfNodes(new Argument<string[]>("node") { Description = "The nodes' names", Arity = ArgumentArity.OneOrMore });
        var (reason, dryRun, output) = (OperationOptions.ReasonOption(), OperationOptions.DryRunOption(), OutputOptions.OfAnswers());
        var command = new Command(verb, $"""
            {description}

            Examples:
              qmfleet node {verb} ecu9 --reason "bench test 12"
              qmfleet node {verb} ecu1 ecu2 --dry-run
            """) { names, reason, dryRun };
        output.AddTo(command);
        command.SetAction(async (parsed, ct) =>
        {
            var (isTrial, format) = (parsed.GetValue(dryRun), output.FormatOf(parsed));
            using var connection = global.Connect(parsed, context);
            var decided = new List<Node>();
            foreach (var name in parsed.GetValue(names)!)
            {
                decided.Add(await decide(connection.Nodes, name, parsed.GetValue(reason)!, isTrial, ct));
                if (format.IsForPeople)
                {
                    await context.Out.WriteLineAsync(PlainText.Of($"node/{decided[^1].Metadata.Name} {outcome}{(isTrial ? "  (dry run)" : "")}"));
                }
            }

            if (!format.IsForPeople)
            {
                await ApiText.WriteAsync(context.Out, decided, decided.Count == 1, format);
            }

            return ExitCode.Done;
        });
        return command;
    }

    private static Command RestartQm(GlobalOptions global, CliContext context)
    {
        var node = global.Names.OfNodes(new Argument<string>("node") { Description = "The node's name" });
        var options = new OperationOptions();
        var command = new Command("restart-qm", """
            Restarts QM, and everything in it, on one node, and waits until it is back. Budgets of rollouts are not asked: you say that it may be down.

            Examples:
              qmfleet node restart-qm ecu9
              qmfleet node restart-qm ecu9 --reason "new firmware of the modem" --timeout 2m
            """) { node };
        options.AddTo(command);
        command.SetAction((parsed, ct) => options.RunAsync(global, context, parsed, (connection, reason, trial) => connection.Nodes.RestartQmAsync(
            new() { Name = parsed.GetValue(node)!, Reason = reason, DryRun = trial }, cancellationToken: ct), ct));
        return command;
    }

    private static Command SetProperty(GlobalOptions global, CliContext context)
    {
        var node = global.Names.OfNodes(new Argument<string>("node") { Description = "The node's name" });
        var unit = global.Names.OfUnits(new Argument<string>("unit") { Description = "qm.service, or a unit inside QM, with its suffix" });
        var properties = new Argument<string[]>("property=value") { Description = "By systemd's names, such as MemoryHigh=1G", Arity = ArgumentArity.OneOrMore };
        var options = new OperationOptions();
        var command = new Command("set-property", """
            Sets properties of qm.service, or of a unit inside QM, until they are set otherwise or it restarts, as systemctl set-property --runtime does.
            What a fleet sets is refused: change the fleet.

            Examples:
              qmfleet node set-property ecu9 qm.service MemoryHigh=1G
              qmfleet node set-property ecu9 radio.service CPUWeight=50 TasksMax=200
            """) { node, unit, properties };
        options.AddTo(command);
        command.SetAction((parsed, ct) =>
        {
            var request = new SetUnitPropertiesRequest { Node = parsed.GetValue(node)!, Unit = parsed.GetValue(unit)! };
            var wrong = new List<string>();
            foreach (var word in parsed.GetValue(properties)!)
            {
                var equals = word.IndexOf('=', StringComparison.Ordinal);
                if (equals <= 0 || !Add(request, word[..equals], word[(equals + 1)..]))
                {
                    wrong.Add(equals <= 0 ? $"{word}: expected PROPERTY=VALUE, such as MemoryHigh=1G" : $"{word}: {word[..equals]} stands twice");
                }
            }

            return wrong.Count > 0 ? throw new CliException(ExitCode.Invalid, string.Join('\n', wrong)) : options.RunAsync(global, context, parsed, (connection, reason, trial) =>
            {
                (request.Reason, request.DryRun) = (reason, trial);
                return connection.Nodes.SetUnitPropertiesAsync(request, cancellationToken: ct);
            }, ct);
        });
        return command;
    }

    private static bool Add(SetUnitPropertiesRequest request, string property, string value)
    {
        if (request.Properties.ContainsKey(property))
        {
            return false;
        }

        request.Properties.Add(property, value);
        return true;
    }
}
