using Grpc.Core;
using Qm.Fleet.Cli.Connection;
using Command = System.CommandLine.Command;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>create: makes resources that are not there yet, all of them or none.</summary>
internal static class CreateVerb
{
    internal static Command Make(GlobalOptions global, CliContext context)
    {
        var options = new ManifestOptions();
        var command = new Command("create", """
            Creates fleets and nodes as manifests say, and waits until the nodes are there. What is there already is refused and nothing is stored:
            qmfleet apply changes it.

            Examples:
              qmfleet create -f cockpit.yaml
              qmfleet create -f cockpit.yaml --dry-run
            """);
        options.AddTo(command);
        command.SetAction(async (parsed, ct) =>
        {
            try
            {
                return await options.RunAsync(global, context, parsed, mustBeNew: true, ct);
            }
            catch (RpcException e) when (e.StatusCode is StatusCode.Aborted or StatusCode.AlreadyExists)
            {
                throw new CliException(ExitCode.Refused, $"refused: {e.Status.Detail}\nWhat is there already is changed with: qmfleet apply -f FILE");
            }
        });
        return command;
    }
}
