using System.CommandLine;
using Qm.Fleet.Cli.Connection;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>delete: forgets a resource.</summary>
internal static class DeleteVerb
{
    internal static Command Make(GlobalOptions global, CliContext context)
    {
        var resource = new Argument<string>("KIND") { Description = "node or fleet; KIND/NAME works, too" };
        var name = new Argument<string?>("NAME") { Description = "Which one", Arity = ArgumentArity.ZeroOrOne };
        var command = new Command("delete", """
            Forgets a fleet, or what was said about a node. Nodes keep what they run.

            Examples:
              qmfleet delete fleet cockpit
              qmfleet delete node/ecu1
            """) { resource, name };
        command.SetAction(async (parsed, ct) =>
        {
            var (kind, which) = Resources.Parse(parsed.GetValue(resource)!, parsed.GetValue(name));
            if (which is null || kind is not (Resources.Node or Resources.Fleet))
            {
                throw new CliException(ExitCode.Invalid, "delete: expected a node or a fleet by name, such as delete fleet cockpit");
            }

            using var connection = global.Connect(parsed, context);
            if (kind == Resources.Fleet)
            {
                await connection.Fleets.DeleteAsync(new() { Name = which }, cancellationToken: ct);
            }
            else
            {
                await connection.Nodes.DeleteAsync(new() { Name = which }, cancellationToken: ct);
            }

            await context.Out.WriteLineAsync($"{kind}/{which} deleted");
            return ExitCode.Done;
        });
        return command;
    }
}
