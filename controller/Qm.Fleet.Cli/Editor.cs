using System.Diagnostics;

namespace Qm.Fleet.Cli;

/// <summary>A person's editor.</summary>
internal static class Editor
{
    /// <summary>Opens a file and waits until the editor ends.</summary>
    /// <param name="command">As VISUAL or EDITOR have it, options included; a shell reads it, as git and kubectl have it.</param>
    /// <param name="file">The file.</param>
    /// <param name="ct">Stops waiting; the editor is left to its person.</param>
    /// <returns>How the editor ended; 0 for well.</returns>
    internal static async Task<int> OpenAsync(string command, string file, CancellationToken ct)
    {
        using var editor = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", $"{command} \"$1\"", "sh", file]) { UseShellExecute = false })!;
        await editor.WaitForExitAsync(ct);
        return editor.ExitCode;
    }
}
