using System.CommandLine;
using Qm.Fleet.Cli.Manual;
using Command = System.CommandLine.Command;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>man: writes the manual pages; for those who package qmfleet.</summary>
internal static class ManVerb
{
    internal static Command Make(RootCommand root, CliContext context)
    {
        var output = new Option<string>("--output", "-o") { Description = "The directory to write them to", HelpName = "dir", Required = true };
        var command = new Command("man", """
            Writes the manual pages.

            Examples:
              qmfleet man --output deploy/man
            """) { output };
        command.Hidden = true;
        command.SetAction(async (parsed, ct) =>
        {
            var directory = parsed.GetValue(output)!;
            try
            {
                Directory.CreateDirectory(directory);
                foreach (var (name, page) in ManualPages.Make(root))
                {
                    await File.WriteAllTextAsync(Path.Combine(directory, name), page, ct);
                    await context.Out.WriteLineAsync(Path.Combine(directory, name));
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new CliException(ExitCode.Failed, $"--output {directory}: {e.Message}");
            }

            return ExitCode.Done;
        });
        return command;
    }
}
