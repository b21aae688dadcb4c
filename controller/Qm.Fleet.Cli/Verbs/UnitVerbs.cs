using System.CommandLine;
using Grpc.Core;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.V1;
using Command = System.CommandLine.Command;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>start, stop, restart, freeze and thaw: a unit inside QM, as systemctl and bluechictl have them.</summary>
internal static class UnitVerbs
{
    internal static IEnumerable<Command> Make(GlobalOptions global, CliContext context) =>
    [
        Make("start", "Starts a unit inside QM, and waits until systemd has.", "radio.service", global, context,
            (nodes, node, unit, onHost, reason, trial, ct) => nodes.StartUnitAsync(new() { Node = node, Unit = unit, Reason = reason, DryRun = trial, OnHost = onHost }, cancellationToken: ct)),
        Make("stop", "Stops a unit inside QM, and waits until systemd has. A workload of a fleet is started again, unless its node is cordoned.", "radio.service", global, context,
            (nodes, node, unit, onHost, reason, trial, ct) => nodes.StopUnitAsync(new() { Node = node, Unit = unit, Reason = reason, DryRun = trial, OnHost = onHost }, cancellationToken: ct)),
        Make("restart", "Restarts a unit inside QM, and waits until systemd has. QM itself is restarted with: qmfleet node restart-qm.", "radio.service", global, context,
            (nodes, node, unit, onHost, reason, trial, ct) => nodes.RestartUnitAsync(new() { Node = node, Unit = unit, Reason = reason, DryRun = trial, OnHost = onHost }, cancellationToken: ct)),
        Make("freeze", "Freezes the processes of a unit inside QM, as systemctl freeze does: they stay in memory and get no processor.", "maps.service", global, context,
            (nodes, node, unit, onHost, reason, trial, ct) => nodes.FreezeUnitAsync(new() { Node = node, Unit = unit, Reason = reason, DryRun = trial, OnHost = onHost }, cancellationToken: ct)),
        Make("thaw", "Lets the processes of a frozen unit inside QM go on.", "maps.service", global, context,
            (nodes, node, unit, onHost, reason, trial, ct) => nodes.ThawUnitAsync(new() { Node = node, Unit = unit, Reason = reason, DryRun = trial, OnHost = onHost }, cancellationToken: ct)),
    ];

    private static Command Make(
        string verb, string description, string unitInExample, GlobalOptions global, CliContext context,
        Func<NodeService.NodeServiceClient, string, string, bool, string, bool, CancellationToken, AsyncUnaryCall<Operation>> begin)
    {
        var node = global.Names.OfNodes(new Argument<string>("node") { Description = "The node's name" });
        var unit = global.Names.OfUnits(new Argument<string>("unit") { Description = "A unit inside QM, with its suffix" });
        var onHost = new Option<bool>("--on-host") { Description = "The unit is outside QM, and listed: qmfleet auth host-units list" };
        var options = new OperationOptions();
        var command = new Command(verb, $"""
            {description}
            Units outside QM are out of reach, but for those that an administrator listed.

            Examples:
              qmfleet {verb} ecu2 {unitInExample}
              qmfleet {verb} ecu2 {unitInExample} --reason "bench test 12" --no-wait
            """) { node, unit, onHost };
        options.AddTo(command);
        command.SetAction((parsed, ct) => options.RunAsync(
            global, context, parsed, (connection, reason, trial) => begin(connection.Nodes, parsed.GetValue(node)!, parsed.GetValue(unit)!, parsed.GetValue(onHost), reason, trial, ct), ct));
        return command;
    }
}
