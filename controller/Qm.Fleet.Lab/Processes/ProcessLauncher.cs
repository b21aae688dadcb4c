using System.Collections.Concurrent;
using System.Diagnostics;

namespace Qm.Fleet.Lab.Processes;

/// <summary>
/// Starts children that never outlive the lab: each in a session of its own, so that the terminal's Ctrl-C reaches the lab alone, and killed by
/// the kernel when the lab dies. The kernel watches the thread that forked, not the process, so all children are forked by one thread that
/// lives as long as the lab.
/// </summary>
internal sealed class ProcessLauncher : IDisposable
{
    private readonly BlockingCollection<(ProcessStartInfo Info, TaskCompletionSource<Process> Started)> _requests = [];
    private readonly string[] _prefix = [.. Wrapper("setsid"), .. Wrapper("setpriv", "--pdeathsig", "KILL", "--")];

    public ProcessLauncher() => new Thread(Run) { IsBackground = true, Name = "process launcher" }.Start();

    /// <summary>Whether children end with the lab even when it is killed with SIGKILL; needs util-linux.</summary>
    public bool ChildrenDieWithTheLab => _prefix.Contains("setpriv");

    /// <summary>Starts a program with its output redirected to the lab.</summary>
    /// <exception cref="System.ComponentModel.Win32Exception">The program cannot be started.</exception>
    public Task<Process> StartAsync(string program, IEnumerable<string> arguments)
    {
        string[] command = [.. _prefix, program, .. arguments];
        var info = new ProcessStartInfo(command[0], command[1..]) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        var started = new TaskCompletionSource<Process>(TaskCreationOptions.RunContinuationsAsynchronously);
        _requests.Add((info, started));
        return started.Task;
    }

    public void Dispose() => _requests.CompleteAdding();

    /// <summary>Where a program lies on the search path; null when it is not installed.</summary>
    public static string? Find(string program) => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':')
        .Append("/usr/sbin").Select(directory => Path.Combine(directory, program)).FirstOrDefault(File.Exists);

    private static string[] Wrapper(string program, params string[] arguments) => Find(program) is null ? [] : [program, .. arguments];

    private void Run()
    {
        foreach (var (info, started) in _requests.GetConsumingEnumerable())
        {
            try
            {
                started.SetResult(Process.Start(info)!);
            }
            catch (System.ComponentModel.Win32Exception e)
            {
                started.SetException(e);
            }
        }

        _requests.Dispose();
    }
}
