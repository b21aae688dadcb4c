using System.Globalization;
using System.Text;
using Qm.Fleet.Agent.Files;
using Qm.Fleet.Agent.Processes;

namespace Qm.Fleet.Agent.Probes;

/// <summary>Finds what probes began inside QM, and ends it.</summary>
/// <remarks>
/// Killing podman ends podman: what it began in a container has the container's own monitor for a parent, and goes on. So every command gets a variable, which whatever it
/// starts inherits, and which the kernel shows from outside; nothing of the image is needed for that. Only processes of QM are looked at: one that
/// gives itself the variable ends nobody but itself.
/// </remarks>
/// <param name="root">The node.</param>
/// <param name="isMachine">Whether that is this machine; the numbers of an emulated node's processes are nobody's.</param>
/// <param name="time">Times the wait for their end.</param>
internal sealed class ProbeProcesses(NodeRoot root, bool isMachine, TimeProvider time)
{
    /// <summary>How long what was killed may take to be gone; what waits for a device never is.</summary>
    public static readonly TimeSpan EndDeadline = TimeSpan.FromSeconds(2);

    private const string Variable = "QM_FLEET_PROBE";
    private const int CgroupBytesMax = 64 * 1024;

    // Far more than a shell hands on; a process with more is left alone.
    private const int EnvironmentBytesMax = 2 * 1024 * 1024;
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(20);

    /// <summary>The argument of podman exec that marks what it starts.</summary>
    /// <param name="unit">The probed unit; it has one probe at a time.</param>
    public static string Mark(string unit) => $"--env={Variable}={unit}";

    /// <summary>Kills whatever probes of a unit began and is still there, and waits until it is gone.</summary>
    /// <returns>What of it is still there at the deadline, or could not be looked at.</returns>
    public async Task<ProbeRemains> EndAsync(string unit, ProbeTarget target, CancellationToken cancellationToken)
    {
        if (!isMachine)
        {
            return ProbeRemains.None;
        }

        var mark = $"{Variable}={unit}";
        var started = time.GetTimestamp();
        while (true)
        {
            // Again until there is none: what is about to be killed may start others.
            List<string> refusals = [];
            var killed = Processes(refusals).Where(pid => TryKill(pid, target, mark, refusals)).ToArray();
            if (killed.Length == 0 || time.GetElapsedTime(started) >= EndDeadline)
            {
                return new(killed, refusals.FirstOrDefault() ?? "");
            }

            await Task.Delay(LookAgain, time, cancellationToken).ConfigureAwait(false);
        }
    }

    private IReadOnlyList<int> Processes(List<string> refusals)
    {
        try
        {
            return [.. root.List("/proc").Select(name => int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var pid) ? pid : 0).Where(pid => pid > 0)];
        }
        catch (NodeFileException e)
        {
            refusals.Add(e.Message);
            return [];
        }
    }

    // One that the agent may not look at, or not kill, keeps none of the others.
    private bool TryKill(int pid, ProbeTarget target, string mark, List<string> refusals)
    {
        try
        {
            return Kill(pid, target, mark);
        }
        catch (NodeFileException e)
        {
            refusals.Add(e.Message);
            return false;
        }
    }

    // Held first and looked at then: what is killed is what was looked at.
    private bool Kill(int pid, ProbeTarget target, string mark)
    {
        if (!IsOfQm(pid, target) || PidFd.Open(pid) is not { } process)
        {
            return false;
        }

        using (process)
        {
            if (!IsOfQm(pid, target) || !Read(pid, "environ", EnvironmentBytesMax).Split('\0').Contains(mark, StringComparer.Ordinal))
            {
                return false;
            }

            PidFd.Kill(process, pid);
            return true;
        }
    }

    private bool IsOfQm(int pid, ProbeTarget target) => target.HoldsQmProcess(Read(pid, "cgroup", CgroupBytesMax));

    // One that has ended in between has nothing to tell.
    private string Read(int pid, string file, int bytesMax)
    {
        try
        {
            return root.ReadBytes($"/proc/{pid}/{file}", limit: bytesMax) is { } bytes ? Encoding.UTF8.GetString(bytes) : "";
        }
        catch (NodeFileException e) when (e.IsMissing || e.Error == Errno.TooBig)
        {
            return "";
        }
    }
}

/// <summary>What a probe left in QM that could not be ended.</summary>
/// <param name="Alive">Processes that were killed and did not end.</param>
/// <param name="Refusal">What the agent was not let do; empty when nothing was refused.</param>
internal sealed record ProbeRemains(IReadOnlyList<int> Alive, string Refusal)
{
    /// <summary>Nothing.</summary>
    public static ProbeRemains None { get; } = new([], "");

    /// <summary>As it follows upon what the probe found; empty when nothing is left.</summary>
    public override string ToString() =>
        (Alive.Count == 0 ? "" : $"; {(Alive.Count == 1 ? "process" : "processes")} {string.Join(", ", Alive)} of it {(Alive.Count == 1 ? "was" : "were")} killed and did not end")
        + (Refusal.Length == 0 ? "" : $"; what it left in QM is not known: the agent {Refusal}");
}
