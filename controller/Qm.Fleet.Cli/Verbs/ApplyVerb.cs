using Qm.Fleet.Cli.Connection;
using Command = System.CommandLine.Command;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>apply: makes resources as manifests say, all of them or none.</summary>
internal static class ApplyVerb
{
    internal static Command Make(GlobalOptions global, CliContext context)
    {
        var options = new ManifestOptions();
        var command = new Command("apply", """
            Creates or changes fleets and nodes as manifests say, and waits until the nodes are there.

            Examples:
              qmfleet apply -f cockpit.yaml
              qmfleet apply -f nodes.yaml -f fleets/ --no-wait
              qmfleet apply -f cockpit.yaml --dry-run
              generate-fleet | qmfleet apply -f -
            """);
        options.AddTo(command);
        command.SetAction((parsed, ct) => options.RunAsync(global, context, parsed, mustBeNew: false, ct));
        return command;
    }
}
