using System.CommandLine;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Kinds;
using Command = System.CommandLine.Command;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>edit: a resource in a person's editor.</summary>
internal static class EditVerb
{
    internal static Command Make(GlobalOptions global, CliContext context)
    {
        var (resource, name) = Resources.Arguments("node or fleet");
        global.Names.OfResources(resource, name);
        var noWait = new Option<bool>("--no-wait") { Description = "Do not wait for the nodes" };
        var command = new Command("edit", """
            Opens a node or fleet in your editor (VISUAL, else EDITOR, else vi), and applies what you made of it. What is refused comes back into the
            editor with what is wrong; what somebody else changed meanwhile comes back, too. A file left as it was changes nothing.

            Examples:
              qmfleet edit fleet cockpit
              EDITOR=nano qmfleet edit node/ecu1
            """) { resource, name, noWait };
        command.SetAction(async (parsed, ct) =>
        {
            var (kind, which) = Resources.Parse(parsed.GetValue(resource)!, parsed.GetValue(name));
            Resources.Only("edit", kind, ResourceKind.Node, ResourceKind.Fleet);
            if (which is null)
            {
                throw new CliException(ExitCode.Invalid, $"edit {kind.Name}: which one? qmfleet get {kind.Plural} lists them");
            }

            var limit = global.RolloutTimeout(parsed);
            using var connection = global.ConnectToWait(parsed, context);
            var (end, fleets) = await new EditSession(kind, which, connection, context).RunAsync(ct);
            return end != ExitCode.Done || parsed.GetValue(noWait) ? end : await RolloutWait.ForAsync(fleets, connection, context, limit, ct);
        });
        return command;
    }
}
