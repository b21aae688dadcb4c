using System.CommandLine;
using Qm.Fleet.Cli.Completion;
using Command = System.CommandLine.Command;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>completion: what a shell runs when a person presses Tab.</summary>
internal static class CompletionVerb
{
    internal static Command Make(CliContext context)
    {
        var shell = new Argument<string>("shell") { Description = string.Join(", ", ShellScripts.Shells) };
        shell.AcceptOnlyFromAmong(ShellScripts.Shells);
        var command = new Command("completion", """
            Prints a script for your shell that completes verbs, options, and the names of nodes, fleets and units as the server has them now.

            Examples:
              source <(qmfleet completion bash)
              qmfleet completion bash > /etc/bash_completion.d/qmfleet
              source <(qmfleet completion zsh)
              qmfleet completion fish | source
            """) { shell };
        command.SetAction(async (parsed, _) =>
        {
            await context.Out.WriteLineAsync(ShellScripts.Of(parsed.GetValue(shell)!));
            return ExitCode.Done;
        });
        return command;
    }
}
