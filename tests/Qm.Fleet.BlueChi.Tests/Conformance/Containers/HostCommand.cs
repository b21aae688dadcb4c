using System.Diagnostics;

namespace Qm.Fleet.BlueChi.Tests.Conformance.Containers;

/// <summary>Programs of this machine that make the image.</summary>
internal static class HostCommand
{
    // Enough to see what went wrong.
    private const int TailLines = 15;

    /// <summary>Whether a program is on the search path.</summary>
    internal static bool Exists(string program) => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries)
        .Any(folder => File.Exists(Path.Combine(folder, program)));

    /// <summary>Runs a program to its end; it is killed with all its children when <paramref name="ct"/> fires.</summary>
    /// <exception cref="InvalidOperationException">It failed; the message has its last lines.</exception>
    internal static async Task RunAsync(string program, string[] arguments, CancellationToken ct)
    {
        var tail = new Queue<string>();
        using var process = new Process { StartInfo = new(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true } };
        process.OutputDataReceived += (_, line) => Keep(line.Data);
        process.ErrorDataReceived += (_, line) => Keep(line.Data);
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        try
        {
            await process.WaitForExitAsync(ct);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }

        if (process.ExitCode != 0)
        {
            lock (tail)
            {
                throw new InvalidOperationException($"{program} {string.Join(' ', arguments)} ended with {process.ExitCode}:\n{string.Join('\n', tail)}");
            }
        }

        void Keep(string? line)
        {
            lock (tail)
            {
                if (line is not null)
                {
                    tail.Enqueue(line);
                }

                if (tail.Count > TailLines)
                {
                    tail.Dequeue();
                }
            }
        }
    }
}
