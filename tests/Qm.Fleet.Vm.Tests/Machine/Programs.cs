using System.Diagnostics;

namespace Qm.Fleet.Vm.Tests.Machine;

/// <summary>Runs programs of the host.</summary>
internal static class Programs
{
    /// <summary>The program's path; null when it is not installed.</summary>
    internal static string? Find(string name) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Append("/usr/sbin").Append("/sbin").Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists);

    /// <summary>Runs a program to its end.</summary>
    /// <param name="deadline">After this it is killed with everything it started.</param>
    /// <param name="program">Its name or path.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <exception cref="InvalidOperationException">It did not end with 0; with what it said last.</exception>
    internal static async Task RunAsync(TimeSpan deadline, string program, params string[] arguments)
    {
        using var limit = new CancellationTokenSource(deadline);
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(limit.Token);
            var errors = process.StandardError.ReadToEndAsync(limit.Token);
            await process.WaitForExitAsync(limit.Token);
            if (process.ExitCode != 0)
            {
                throw new InvalidOperationException($"{program} {string.Join(' ', arguments)} ended with {process.ExitCode}:\n{Last(await output)}\n{Last(await errors)}");
            }
        }
        catch (OperationCanceledException e)
        {
            process.Kill(entireProcessTree: true);
            throw new InvalidOperationException($"{program} {string.Join(' ', arguments)} did not end within {deadline.TotalMinutes:0} minutes", e);
        }
    }

    private static string Last(string text) => text.Length > 4000 ? "..." + text[^4000..] : text;
}
