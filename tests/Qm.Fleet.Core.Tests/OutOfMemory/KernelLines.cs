using Qm.Fleet.Core.OutOfMemory;

namespace Qm.Fleet.Core.Tests.OutOfMemory;

/// <summary>The kernel log of a node, as Linux 6.12 writes it.</summary>
internal sealed class KernelLines
{
    internal const string Payload = "libpod-payload-0f0f0f0f";
    internal const string Radio = $"/qm.service/{Payload}/system.slice/radio.service/libpod-payload-aa";
    internal const string Bus = $"/qm.service/{Payload}/system.slice/dbus.service";
    private readonly List<KmsgRecord> _records = [];
    private long _sequence;
    private long _microseconds;

    internal KernelLines(long first = 0) => _sequence = first;

    internal IReadOnlyList<KmsgRecord> Records => _records;

    internal KernelLines After(long milliseconds)
    {
        _microseconds += milliseconds * 1000;
        return this;
    }

    internal KernelLines Write(string text, bool isKernels = true, bool continues = false)
    {
        _records.Add(new(_sequence++, _microseconds, isKernels, continues, text));
        return this;
    }

    internal KernelLines Lose(int records)
    {
        _sequence += records;
        return this;
    }

    internal KernelLines Header(string comm = "radio", long? limitKibibytes = 262144)
    {
        Write($"{comm} invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=750");
        Write("CPU: 1 UID: 0 PID: 2210 Comm: radio Not tainted 6.12.107 #1");
        return limitKibibytes is { } limit ? Write($"memory: usage {limit}kB, limit {limit}kB, failcnt 9").Write("swap: usage 0kB, limit 0kB, failcnt 0") : this;
    }

    internal KernelLines Chosen(string cgroup = Radio, string? limit = Radio, string comm = "radio", int pid = 2210) =>
        Write(ChosenText(cgroup, limit, comm, pid));

    internal static string ChosenText(string cgroup = Radio, string? limit = Radio, string comm = "radio", int pid = 2210) => limit is null
        ? $"oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,global_oom,task_memcg={cgroup},task={comm},pid={pid},uid=0"
        : $"oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset={Payload},mems_allowed=0,oom_memcg={limit},task_memcg={cgroup},task={comm},pid={pid},uid=0";

    internal KernelLines Killed(int pid = 2210, string comm = "radio", bool ofCgroup = true, int score = 750) => Write(
        $"{(ofCgroup ? "Memory cgroup out of memory" : "Out of memory")}: Killed process {pid} ({comm}) total-vm:524288kB, anon-rss:73728kB, file-rss:512kB, shmem-rss:0kB, UID:0 pgtables:212kB oom_score_adj:{score}");

    internal KernelLines Group(string cgroup = Radio) => Write($"Tasks in {cgroup} are going to be killed due to memory.oom.group set");

    internal IReadOnlyList<OomKill> Kills(OomCorrelator? correlator = null)
    {
        correlator ??= new();
        foreach (var record in _records)
        {
            correlator.Feed(record);
        }

        _records.Clear();
        return [.. correlator.EndRound().Kills, .. correlator.EndRound().Kills];
    }
}
