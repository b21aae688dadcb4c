using System.CommandLine;
using Grpc.Core;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Output;
using Qm.Fleet.V1;
using Command = System.CommandLine.Command;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>node: what people decide about one node.</summary>
internal static class NodeVerb
{
    internal static Command Make(GlobalOptions global, CliContext context) => new("node", """
        Decides about a node.

        Examples:
          qmfleet node quarantine ecu9 --reason "smells of smoke"
          qmfleet node release ecu9
        """)
    {
        Decide("quarantine", "Leaves it alone: nothing on it is healed or rolled out until it is released", global, context,
            (nodes, name, reason, ct) => nodes.QuarantineAsync(new() { Name = name, Reason = reason }, cancellationToken: ct)),
        Decide("release", "Ends a quarantine; what failed on it before is forgotten", global, context,
            (nodes, name, reason, ct) => nodes.ReleaseAsync(new() { Name = name, Reason = reason }, cancellationToken: ct)),
    };

    private static Command Decide(
        string verb, string description, GlobalOptions global, CliContext context,
        Func<NodeService.NodeServiceClient, string, string, CancellationToken, AsyncUnaryCall<Node>> decide)
    {
        var node = new Argument<string>("node") { Description = "The node's name" };
        var reason = new Option<string>("--reason") { Description = "Why, for those who wonder", DefaultValueFactory = _ => "" };
        var command = new Command(verb, description) { node, reason };
        command.SetAction(async (parsed, ct) =>
        {
            using var connection = global.Connect(parsed, context);
            var decided = await decide(connection.Nodes, parsed.GetValue(node)!, parsed.GetValue(reason)!, ct);
            var state = verb == "release" ? "released" : "quarantined";
            await context.Out.WriteLineAsync(PlainText.Of($"node/{decided.Metadata.Name} {state}"));
            return ExitCode.Done;
        });
        return command;
    }
}
