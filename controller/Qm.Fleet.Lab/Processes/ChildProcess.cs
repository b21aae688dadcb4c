using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Qm.Fleet.Lab.Processes;

/// <summary>A program the lab started. Its output goes line by line to a log file in the lab's directory.</summary>
internal sealed partial class ChildProcess : IAsyncDisposable
{
    private const int Terminate = 15;
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(5);

    private readonly Process _process;
    private readonly Task _output;
    private readonly TaskCompletionSource<string> _awaited = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private ChildProcess(string name, Process process, string log, string? awaitedPrefix)
    {
        (Name, _process) = (name, process);
        process.StandardInput.Close();
        _output = CopyAsync(log, awaitedPrefix);
    }

    /// <summary>What it is, for messages.</summary>
    public string Name { get; }

    /// <summary>Its process id.</summary>
    public int Id => _process.Id;

    /// <summary>Whether it has ended.</summary>
    public bool HasExited => _process.HasExited;

    /// <summary>Its exit code, once it has ended.</summary>
    public int ExitCode => _process.ExitCode;

    /// <summary>Starts a program.</summary>
    /// <param name="launcher">Forks it.</param>
    /// <param name="name">What it is, for messages; also the log's file name.</param>
    /// <param name="command">Program and arguments.</param>
    /// <param name="logs">Directory of the log.</param>
    /// <param name="awaitedPrefix">How the line begins that <see cref="LineAsync"/> waits for.</param>
    /// <exception cref="LabException">The program cannot be started.</exception>
    public static async Task<ChildProcess> StartAsync(ProcessLauncher launcher, string name, IReadOnlyList<string> command, string logs, string? awaitedPrefix = null)
    {
        try
        {
            var process = await launcher.StartAsync(command[0], command.Skip(1)).ConfigureAwait(false);
            return new ChildProcess(name, process, Path.Combine(logs, $"{name}.log"), awaitedPrefix);
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new LabException($"Cannot start {name} ({command[0]}): {e.Message}", e);
        }
    }

    /// <summary>Waits for the awaited line.</summary>
    /// <exception cref="LabException">The program ended, or the deadline passed, without it.</exception>
    public async Task<string> LineAsync(TimeSpan deadline, TimeProvider time, CancellationToken cancellation)
    {
        try
        {
            return await _awaited.Task.WaitAsync(deadline, time, cancellation).ConfigureAwait(false);
        }
        catch (TimeoutException e)
        {
            throw new LabException($"{Name} did not become ready within {deadline.TotalSeconds:0} s.", e);
        }
    }

    /// <summary>Waits until it has ended and all its output is in the log.</summary>
    public async Task<int> WaitAsync(CancellationToken cancellation)
    {
        await _process.WaitForExitAsync(cancellation).ConfigureAwait(false);
        await _output.WaitAsync(cancellation).ConfigureAwait(false);
        return _process.ExitCode;
    }

    /// <summary>Kills it as <c>kill -9</c> does and waits until it is gone.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync(CancellationToken.None).ConfigureAwait(false);
    }

    /// <summary>Asks it to end, kills it when it does not, and waits until it is gone.</summary>
    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _ = Kill(_process.Id, Terminate);
            using var grace = new CancellationTokenSource(Grace, TimeProvider.System);
            try
            {
                await _process.WaitForExitAsync(grace.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                await KillAsync().ConfigureAwait(false);
            }
        }

        await _output.ConfigureAwait(false);
        _process.Dispose();
    }

    private async Task CopyAsync(string log, string? awaitedPrefix)
    {
        var writer = TextWriter.Synchronized(new StreamWriter(log, append: true) { AutoFlush = true });
        await using (writer.ConfigureAwait(false))
        {
            await Task.WhenAll(CopyAsync(_process.StandardOutput, writer, awaitedPrefix), CopyAsync(_process.StandardError, writer, null)).ConfigureAwait(false);
        }

        _awaited.TrySetException(new LabException($"{Name} ended before it was ready; its last words: {LastLines(log)}"));
        _ = _awaited.Task.Exception;
    }

    private async Task CopyAsync(StreamReader from, TextWriter to, string? awaitedPrefix)
    {
        while (await from.ReadLineAsync().ConfigureAwait(false) is { } line)
        {
            await to.WriteLineAsync(line).ConfigureAwait(false);
            if (awaitedPrefix is not null && line.StartsWith(awaitedPrefix, StringComparison.Ordinal))
            {
                _awaited.TrySetResult(line);
            }
        }
    }

    private static string LastLines(string log)
    {
        var text = string.Join(" | ", File.ReadLines(log).TakeLast(3));
        return text.Length == 0 ? "none" : text;
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int pid, int signal);
}
