namespace Qm.Fleet.Cli;

/// <summary>What a command may touch of the world around it.</summary>
/// <param name="Out">Data, and nothing else.</param>
/// <param name="Error">Progress, hints and errors.</param>
/// <param name="In">Standard input.</param>
/// <param name="IsTerminal">Whether <paramref name="Error"/> is a terminal that a person looks at.</param>
/// <param name="Environment">Environment variables by name.</param>
/// <param name="Time">The time.</param>
internal sealed record CliContext(
    TextWriter Out, TextWriter Error, Stream In, bool IsTerminal, Func<string, string?> Environment, TimeProvider Time)
{
    internal static CliContext FromConsole() => new(
        Console.Out, Console.Error, Console.OpenStandardInput(), !Console.IsErrorRedirected, System.Environment.GetEnvironmentVariable, TimeProvider.System);
}
