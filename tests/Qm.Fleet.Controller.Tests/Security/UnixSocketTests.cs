using System.Collections.Concurrent;
using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Qm.Fleet.Controller.Tests.Security;

/// <summary>Who is let in on the Unix sockets is said by the kernel, whoever may reach them.</summary>
[Trait("Requirement", "QMF-THREAT-001")]
public sealed class UnixSocketTests
{
    private const int Nobody = 65534;
    private const UnixFileMode ForAll = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupRead | UnixFileMode.GroupWrite
        | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task ForeignUser_WhoReachesTheSocketAfterAll_IsNotAnswered()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "only root can become somebody else");
        Assert.SkipUnless(File.Exists("/usr/bin/setpriv") && File.Exists("/usr/bin/curl"), "setpriv of util-linux or curl is not installed");
        using var logs = new Logged();
        await using var controller = await RunningController.StartAsync(services => services.AddSingleton<ILoggerProvider>(logs));

        // The file's own mode keeps others out already.
        var barred = await CurlAsync(controller.Options.RestSocket, Nobody);
        for (var path = controller.Options.RestSocket; path is not ("/tmp" or "/"); path = Path.GetDirectoryName(path)!)
        {
            File.SetUnixFileMode(path, ForAll);
        }
        var foreign = await CurlAsync(controller.Options.RestSocket, Nobody);
        var root = await CurlAsync(controller.Options.RestSocket, 0);

        Assert.Equal((7, ""), barred);
        Assert.NotEqual(0, foreign.ExitCode);
        Assert.Equal("", foreign.Output);
        Assert.Equal(0, root.ExitCode);
        Assert.Contains("local:root", root.Output, StringComparison.Ordinal);
        Assert.Contains(logs.Entries, static entry => entry.Id == 1203 && entry.Text.Contains("65534", StringComparison.Ordinal));
    }

    private static async Task<(int ExitCode, string Output)> CurlAsync(string socket, int uid)
    {
        using var curl = Process.Start(new ProcessStartInfo(
            "/usr/bin/setpriv", ["--reuid", $"{uid}", "--regid", $"{uid}", "--clear-groups", "/usr/bin/curl", "--silent", "--max-time", "20", "--unix-socket", socket, "http://localhost/v1/access:whoami"])
        {
            RedirectStandardOutput = true,
        })!;
        var output = curl.StandardOutput.ReadToEndAsync(Ct);
        await curl.WaitForExitAsync(Ct).WaitAsync(RunningController.Deadline, Ct);
        return (curl.ExitCode, await output);
    }

    private sealed class Logged : ILoggerProvider, ILogger
    {
        public ConcurrentQueue<(int Id, string Text)> Entries { get; } = new();

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => Entries.Enqueue((eventId.Id, formatter(state, exception)));

        public void Dispose()
        {
        }
    }
}
