using System.CommandLine;
using System.Reflection;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>version: which qmfleet this is.</summary>
internal static class VersionVerb
{
    internal static Command Make(CliContext context)
    {
        var command = new Command("version", "Shows the version of qmfleet.");
        command.SetAction(async (_, _) =>
        {
            var version = typeof(VersionVerb).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion;
            await context.Out.WriteLineAsync($"qmfleet {version}");
            return ExitCode.Done;
        });
        return command;
    }
}
