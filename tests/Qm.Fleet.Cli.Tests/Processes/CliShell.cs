using System.Diagnostics;
using System.Text.RegularExpressions;
using Xunit;

namespace Qm.Fleet.Cli.Tests.Processes;

/// <summary>A shell in which qmfleet is a program, beside files and a configuration of its own.</summary>
internal sealed partial class CliShell
{
    // What .NET says to every terminal before anything else.
    private const string KeypadOn = "\u001b[?1h\u001b=";

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    private readonly string _folder;
    private readonly Dictionary<string, string> _environment;

    /// <param name="folder">Where files and the program are put.</param>
    /// <param name="server">A socket, as --server takes it.</param>
    /// <param name="variables">More of the environment.</param>
    internal CliShell(string folder, string server, params (string Name, string Value)[] variables)
    {
        _folder = folder;
        var programs = Directory.CreateDirectory(Path.Combine(folder, "bin")).FullName;
        var program = Path.Combine(programs, "qmfleet");
        File.WriteAllText(program, $"#!/bin/sh\nexec {string.Join(' ', Program)} \"$@\"\n");
        File.SetUnixFileMode(program, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);

        // A name of its own, so that no message depends on where the test runs.
        File.CreateSymbolicLink(Path.Combine(folder, "server.sock"), server["unix:".Length..]);
        _environment = new()
        {
            ["PATH"] = $"{programs}:{System.Environment.GetEnvironmentVariable("PATH")}",
            ["HOME"] = folder,
            ["XDG_CONFIG_HOME"] = "",
            ["QMFLEET_SERVER"] = "unix:server.sock",
            ["QMFLEET_COMPLETION_TIMEOUT"] = "60s",
            ["QMFLEET_CONFIG"] = "",
            ["QMFLEET_PKI"] = "",
            ["QMFLEET_TOKEN"] = "",
            ["NO_COLOR"] = "1",
            ["TERM"] = "xterm-256color",
            ["DOTNET_TieredPGO"] = "0",
        };
        foreach (var (name, value) in variables)
        {
            _environment[name] = value;
        }
    }

    // What QMFLEET_CLI names; else the program that the tests were built with, on their libraries, which contain its.
    private static string[] Program { get; } = System.Environment.GetEnvironmentVariable("QMFLEET_CLI") is { Length: > 0 } named ? [named] :
    [
        System.Environment.ProcessPath is { } host && Path.GetFileName(host) == "dotnet" ? host : "dotnet", "exec",
        "--runtimeconfig", Path.Combine(AppContext.BaseDirectory, "Qm.Fleet.Cli.Tests.runtimeconfig.json"),
        "--depsfile", Path.Combine(AppContext.BaseDirectory, "Qm.Fleet.Cli.Tests.deps.json"),
        Path.Combine(AppContext.BaseDirectory, "qmfleet.dll"),
    ];

    /// <summary>Runs a line in a pipe.</summary>
    internal async Task<(string Out, string Error, int End)> PipeAsync(string line)
    {
        using var process = Start("bash", "-c", line);
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        process.StandardInput.Close();
        await EndAsync(process, line);
        return (Bare(await output), Bare(await error), process.ExitCode);
    }

    /// <summary>Runs a line on a terminal of 100 columns; what it reads is typed in.</summary>
    internal async Task<(string Screen, int End)> TerminalAsync(string line, string typed = "")
    {
        // script(1) keeps its terminal while its standard input is open.
        using var process = Start("script", "--quiet", "--return", "--flush", "--command", $"stty cols 100 rows 40; {line}", "/dev/null");
        var screen = process.StandardOutput.ReadToEndAsync();
        await process.StandardInput.WriteAsync(typed);
        await process.StandardInput.FlushAsync();
        await EndAsync(process, line);
        return (Bare((await screen).Replace("\r\n", "\n", StringComparison.Ordinal).Replace(KeypadOn, "", StringComparison.Ordinal)), process.ExitCode);
    }

    private Process Start(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = _folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in _environment)
        {
            start.Environment[name] = value.Length > 0 ? value : null;
        }

        return Process.Start(start)!;
    }

    private static async Task EndAsync(Process process, string line)
    {
        try
        {
            await process.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(Patience);
        }
        catch (TimeoutException)
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail($"{line} did not end");
        }
    }

    // What differs from run to run has a word of its own.
    private string Bare(string text) => Span().Replace(text.Replace(_folder, "HOME", StringComparison.Ordinal), "in N s");

    [GeneratedRegex(@"in \d+(\.\d)? s\b")]
    private static partial Regex Span();
}
