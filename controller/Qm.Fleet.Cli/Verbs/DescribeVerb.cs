using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Kinds;
using Command = System.CommandLine.Command;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>describe: everything about one resource, for a person.</summary>
internal static class DescribeVerb
{
    private const int LastEvents = 5;

    internal static Command Make(GlobalOptions global, CliContext context)
    {
        var (resource, name) = Resources.Arguments("node or fleet");
        global.Names.OfResources(resource, name);
        var command = new Command("describe", """
            Shows everything about one node or fleet.

            Examples:
              qmfleet describe node ecu1
              qmfleet describe fleet/cockpit
            """) { resource, name };
        command.SetAction(async (parsed, ct) =>
        {
            var (kind, which) = Resources.Parse(parsed.GetValue(resource)!, parsed.GetValue(name));
            Resources.Only("describe", kind, ResourceKind.Node, ResourceKind.Fleet);
            if (which is null)
            {
                throw new CliException(ExitCode.Invalid, $"describe {kind.Name}: which one? qmfleet get {kind.Plural} lists them");
            }

            using var connection = global.Connect(parsed, context);
            var now = context.Time.GetUtcNow();
            if (kind.Name == ResourceKind.Node)
            {
                var node = await connection.Nodes.GetAsync(new() { Name = which }, cancellationToken: ct);
                var events = await connection.Events.ListAsync(new() { Node = which, Newest = true, PageSize = LastEvents }, cancellationToken: ct);
                NodeDescription.Write(context.Out, node, events.Events, now);
            }
            else
            {
                var fleet = await connection.Fleets.GetAsync(new() { Name = which }, cancellationToken: ct);
                var nodes = await Pages.ReadAsync(
                    token => connection.Nodes.ListAsync(new() { Selector = fleet.Spec?.Selector ?? "", PageToken = token }, cancellationToken: ct).ResponseAsync,
                    page => page.Nodes, page => page.NextPageToken);
                FleetDescription.Write(context.Out, fleet, nodes, now);
            }

            await context.Error.WriteLineAsync($"What happened: qmfleet events --{kind.Name} {which}");
            return ExitCode.Done;
        });
        return command;
    }
}
