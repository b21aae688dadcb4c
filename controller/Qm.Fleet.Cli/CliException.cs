namespace Qm.Fleet.Cli;

/// <summary>Ends the command with a message for a person.</summary>
/// <param name="exitCode">One of <see cref="ExitCode"/>.</param>
/// <param name="message">One or two lines: what is wrong, and what to try next.</param>
internal sealed class CliException(int exitCode, string message) : Exception(message)
{
    internal int ExitCode { get; } = exitCode;
}
