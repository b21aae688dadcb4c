using Microsoft.Win32.SafeHandles;
using Qm.Fleet.Cli.Output;

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

    // Console.In, Out and Error would read the terminal's description and set it up for reading keys, which takes time and shows in what script(1) writes down.
    internal static CliContext FromConsole() => new(
        Writer(Console.OpenStandardOutput()),
        Writer(Console.OpenStandardError()),
        Console.IsInputRedirected ? Console.OpenStandardInput() : new FileStream(new SafeFileHandle(0, ownsHandle: false), FileAccess.Read, bufferSize: 0),
        System.Environment.GetEnvironmentVariable,
        TimeProvider.System)
    {
        OutWidth = TerminalSize.Width(1),
        ErrorIsTerminal = !Console.IsErrorRedirected && System.Environment.GetEnvironmentVariable("TERM") != "dumb",
    };

    private static TextWriter Writer(Stream stream) => TextWriter.Synchronized(new StreamWriter(stream) { AutoFlush = true });
}
