namespace Qm.Fleet.Cli;

/// <summary>What a command may touch of the world around it.</summary>
/// <param name="Out">Data, and nothing else.</param>
/// <param name="Error">Progress, hints and errors.</param>
/// <param name="In">Standard input.</param>
/// <param name="Environment">Environment variables by name.</param>
/// <param name="Time">The time.</param>
internal sealed record CliContext(TextWriter Out, TextWriter Error, Stream In, Func<string, string?> Environment, TimeProvider Time)
{
    /// <summary>Columns of the terminal that <see cref="Out"/> is; null in a pipe.</summary>
    internal int? OutWidth { get; init; }

    /// <summary>Whether <see cref="Error"/> is a terminal that a person looks at.</summary>
    internal bool ErrorIsTerminal { get; init; }

    /// <summary>Makes a name that nobody else makes.</summary>
    internal Func<string> NewId { get; init; } = () => Guid.CreateVersion7(TimeProvider.System.GetUtcNow()).ToString();

    /// <summary>Opens a file in a person's editor and waits for its end; the command of VISUAL or EDITOR, then the file.</summary>
    /// <returns>How the editor ended; 0 for well.</returns>
    internal Func<string, string, CancellationToken, Task<int>> Edit { get; init; } = Editor.OpenAsync;

    internal static CliContext FromConsole() =>
        new(Console.Out, Console.Error, Console.OpenStandardInput(), System.Environment.GetEnvironmentVariable, TimeProvider.System)
        {
            OutWidth = Console.IsOutputRedirected || Console.WindowWidth <= 0 ? null : Console.WindowWidth,
            ErrorIsTerminal = !Console.IsErrorRedirected && System.Environment.GetEnvironmentVariable("TERM") != "dumb",
        };
}
