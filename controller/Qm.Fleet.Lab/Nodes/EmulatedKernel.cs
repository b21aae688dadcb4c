using System.Globalization;

namespace Qm.Fleet.Lab.Nodes;

/// <summary>
/// The <c>/proc</c> and <c>/sys/fs/cgroup</c> of one emulated node, as files below its root. A file is replaced in one rename, so that a
/// reader sees the old or the new content, never half of one. Not safe for use by several threads at once.
/// </summary>
internal sealed class EmulatedKernel(string root)
{
    /// <summary>Device number of the file system that holds the whole node.</summary>
    public const string Disk = EmulatedDisks.Partition;

    private const int FirstPid = 100_000;
    private static int _lastPid = FirstPid;
    private readonly Dictionary<int, string> _cgroupOfPid = [];
    private readonly string _scratch = Path.Combine(root, ".lab");
    private long _logged;

    /// <summary>The root of the node.</summary>
    public string Root { get; } = root;

    /// <summary>Where a cgroup lies, such as <c>/qm.service</c>.</summary>
    public string CgroupPath(string cgroup) => Path.Combine(Root, "sys/fs/cgroup", cgroup.TrimStart('/'));

    /// <summary>Writes the first boot's facts.</summary>
    public void Boot(Machine machine, string bootId)
    {
        Write("proc/1/oom_score_adj", "0");
        Write("proc/1/status", "Name:\tsystemd\nPid:\t1\nNSpid:\t1");
        Write("proc/1/cgroup", "0::/init.scope");
        Write("proc/1/mountinfo", $"30 1 {Disk} / / rw,relatime - ext4 /dev/vda1 rw");
        Write("proc/meminfo", FormattableString.Invariant($"MemTotal:       {machine.MemoryBytes / 1024} kB\nMemFree:        {machine.MemoryBytes / 2048} kB\nMemAvailable:   {machine.MemoryBytes / 2048} kB"));
        Write("proc/sys/kernel/osrelease", "6.12.0-emulated");
        Write("proc/sys/kernel/pid_max", FormattableString.Invariant($"{machine.PidMax}"));
        Write("proc/sys/kernel/threads-max", FormattableString.Invariant($"{machine.ThreadsMax}"));
        Write("proc/sys/kernel/random/boot_id", bootId);
        Write("sys/devices/system/cpu/online", FormattableString.Invariant($"0-{machine.Cpus - 1}"));
        EmulatedDisks.Write(this);
        Write("sys/fs/cgroup/cgroup.controllers", "cpuset cpu io memory hugetlb pids misc");
        Write("sys/fs/cgroup/cpuset.cpus.effective", FormattableString.Invariant($"0-{machine.Cpus - 1}"));
        _logged = 0;
        Write("dev/kmsg", FormattableString.Invariant($"5,{_logged++},0,-;Linux version 6.12.0-emulated"));
    }

    /// <summary>Adds a record of the kernel's to <c>/dev/kmsg</c>, which here is a file that grows.</summary>
    public void Log(string text, ulong microseconds) =>
        File.AppendAllText(Path.Combine(Root, "dev/kmsg"), FormattableString.Invariant($"6,{_logged++},{microseconds},-;{text}\n"));

    /// <summary>A file's text without its final newline; null when there is none.</summary>
    public string? Read(string path) => Path.Combine(Root, path) is var file && File.Exists(file) ? File.ReadAllText(file).TrimEnd('\n') : null;

    /// <summary>The processes in a cgroup and below it.</summary>
    public IReadOnlyList<int> Processes(string cgroup) =>
        [.. _cgroupOfPid.Where(entry => cgroup == "/" || entry.Value == cgroup || entry.Value.StartsWith(cgroup + "/", StringComparison.Ordinal)).Select(entry => entry.Key).Order()];

    /// <summary>The cgroup of a running process.</summary>
    public string CgroupOf(int pid) => _cgroupOfPid[pid];

    /// <summary>Creates a cgroup whose limits are the kernel's defaults, with the given ones applied.</summary>
    public void CreateCgroup(string cgroup, ResourceControl limits)
    {
        WriteCgroup(cgroup, "cgroup.procs", "");
        WriteCgroup(cgroup, "cgroup.freeze", "0");
        WriteCgroup(cgroup, "memory.current", "188743680");
        WriteCgroup(cgroup, "memory.events", "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\noom_group_kill 0");
        WriteCgroup(cgroup, "memory.oom.group", "0");
        WriteCgroup(cgroup, "cpuset.cpus", "");
        WriteCgroup(cgroup, "io.max", "");
        ApplyLimits(cgroup, limits);
    }

    /// <summary>Brings the cgroup files of a cgroup to the given limits, if the cgroup exists.</summary>
    public void ApplyLimits(string cgroup, ResourceControl limits)
    {
        if (!Directory.Exists(CgroupPath(cgroup)))
        {
            return;
        }

        foreach (var (file, content) in limits.KernelFiles)
        {
            WriteCgroup(cgroup, file, content);
        }

        // A line at a time, as the kernel takes it: disks that nobody names keep what they have.
        foreach (var (path, device) in limits.Disks.Kernel)
        {
            if (EmulatedDisks.Find(Root, path) is { } disk)
            {
                WriteCgroup(cgroup, "io.max", EmulatedDisks.Replace(File.ReadAllText(Path.Combine(CgroupPath(cgroup), "io.max")), disk, device));
            }
        }

        EmulatedDisks.Mark(CgroupPath(cgroup), limits.Oomd.Preference);
    }

    /// <summary>Starts a process in a cgroup and answers its pid.</summary>
    /// <param name="cgroup">Created with its <c>cgroup.procs</c> when it does not exist.</param>
    /// <param name="name">The command's name.</param>
    /// <param name="oomScoreAdjust">-1000 to 1000.</param>
    /// <param name="innerPids">Its pid in each pid namespace below the host's.</param>
    public int Spawn(string cgroup, string name, int oomScoreAdjust, params int[] innerPids)
    {
        var pid = Interlocked.Increment(ref _lastPid);
        _cgroupOfPid[pid] = cgroup;
        Write($"proc/{pid}/oom_score_adj", oomScoreAdjust.ToString(CultureInfo.InvariantCulture));
        Write($"proc/{pid}/status", $"Name:\t{name}\nPid:\t{pid}\nNSpid:\t{string.Join('\t', innerPids.Prepend(pid))}");
        Write($"proc/{pid}/comm", name);
        Write($"proc/{pid}/cgroup", $"0::{cgroup}");
        WriteProcesses(cgroup);
        return pid;
    }

    /// <summary>The score of a running process.</summary>
    public int OomScoreAdjust(int pid) => int.Parse(File.ReadAllText(Path.Combine(Root, $"proc/{pid}/oom_score_adj")), CultureInfo.InvariantCulture);

    /// <summary>Ends every process below a cgroup and removes the cgroup.</summary>
    public void RemoveCgroup(string cgroup)
    {
        foreach (var pid in Processes(cgroup))
        {
            _cgroupOfPid.Remove(pid);
            Remove(Path.Combine(Root, $"proc/{pid}"));
        }

        Remove(CgroupPath(cgroup));
    }

    /// <summary>Writes one file of a cgroup.</summary>
    public void WriteCgroup(string cgroup, string file, string content) => Write($"sys/fs/cgroup/{cgroup.TrimStart('/')}/{file}", content);

    /// <summary>Replaces a file below the root, adding the final newline.</summary>
    public void Write(string path, string content)
    {
        var target = Path.Combine(Root, path);
        Directory.CreateDirectory(_scratch);
        Directory.CreateDirectory(Path.GetDirectoryName(target)!);
        var next = Path.Combine(_scratch, "next");
        File.WriteAllText(next, content.Length == 0 ? "" : content + "\n");
        File.Move(next, target, overwrite: true);
    }

    /// <summary>Makes a symbolic link below the root, in a directory that is there.</summary>
    /// <param name="path">Where.</param>
    /// <param name="target">Where it leads to, as the node sees it.</param>
    public void Link(string path, string target) => File.CreateSymbolicLink(Path.Combine(Root, path), target);

    private void WriteProcesses(string cgroup) =>
        WriteCgroup(cgroup, "cgroup.procs", string.Join('\n', _cgroupOfPid.Where(entry => entry.Value == cgroup).Select(entry => entry.Key).Order()));

    // Renamed away first: a reader that lists the tree sees all of it or nothing of it.
    private void Remove(string directory)
    {
        if (!Directory.Exists(directory))
        {
            return;
        }

        Directory.CreateDirectory(_scratch);
        var gone = Path.Combine(_scratch, "gone");
        Directory.Move(directory, gone);
        Directory.Delete(gone, recursive: true);
    }
}
