using System.Diagnostics;

namespace Qm.Fleet.Foreign;

/// <summary>Runs the scripts of tests/node with what their package-lock.json names, which is fetched once.</summary>
internal static class NodeProgram
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(4);
    private static readonly SemaphoreSlim Turn = new(1);
    private static string? _folder;

    /// <summary>Runs a script to its end.</summary>
    /// <returns>Exit code, and what it wrote; the test is skipped where Node cannot be had.</returns>
    internal static async Task<(int ExitCode, string Output, string Errors)> RunAsync(string script, IEnumerable<string> arguments, string input = "")
    {
        var folder = await InstallAsync();
        return await StartAsync("node", [Path.Combine(folder, script), .. arguments], folder, input);
    }

    // A copy of its own, so that nothing is written into the repository, under the hash of what is asked for.
    private static async Task<string> InstallAsync()
    {
        var source = Checkout.Of("tests/node");
        Xunit.Assert.SkipUnless(Has("node") && Has("npm"), "node and npm are not installed");
        await Turn.WaitAsync(Xunit.TestContext.Current.CancellationToken);
        try
        {
            if (_folder is not null)
            {
                return _folder;
            }

            var folder = Path.Combine(AppContext.BaseDirectory, "node");
            Directory.CreateDirectory(folder);
            foreach (var file in Directory.EnumerateFiles(source).Where(file => Path.GetExtension(file) is ".json" or ".mjs"))
            {
                File.Copy(file, Path.Combine(folder, Path.GetFileName(file)), overwrite: true);
            }

            var wanted = await File.ReadAllTextAsync(Path.Combine(folder, "package-lock.json"), Xunit.TestContext.Current.CancellationToken);
            var mark = Path.Combine(folder, "installed");
            if (!File.Exists(mark) || await File.ReadAllTextAsync(mark, Xunit.TestContext.Current.CancellationToken) != wanted)
            {
                var (code, output, errors) = await StartAsync("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], folder, "");
                Xunit.Assert.True(code == 0, $"npm ci ended with {code}: {output}{errors}");
                await File.WriteAllTextAsync(mark, wanted, Xunit.TestContext.Current.CancellationToken);
            }

            return _folder = folder;
        }
        finally
        {
            Turn.Release();
        }
    }

    private static async Task<(int ExitCode, string Output, string Errors)> StartAsync(string program, IEnumerable<string> arguments, string folder, string input)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(Xunit.TestContext.Current.CancellationToken);
        late.CancelAfter(Patience);
        using var process = Process.Start(new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        try
        {
            var (output, errors) = (process.StandardOutput.ReadToEndAsync(late.Token), process.StandardError.ReadToEndAsync(late.Token));
            await process.StandardInput.WriteAsync(input.AsMemory(), late.Token);
            process.StandardInput.Close();
            await process.WaitForExitAsync(late.Token);
            return (process.ExitCode, await output, await errors);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }
    }

    private static bool Has(string program) => (System.Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(folder => File.Exists(Path.Combine(folder, program)));
}
