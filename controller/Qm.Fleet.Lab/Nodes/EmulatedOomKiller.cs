using System.Globalization;

namespace Qm.Fleet.Lab.Nodes;

/// <summary>
/// Writes what the kernel's OOM killer does: the lines of its log, and the counters of every cgroup from the victim's up. Who runs in what was
/// killed is ended by the caller. Not safe for use by several threads at once.
/// </summary>
internal sealed class EmulatedOomKiller(NodeContext node)
{
    private const long VictimKibibytes = 73_728;
    private const int NeverKilled = -1000;
    private static readonly string[] Counters = ["low", "high", "max", "oom", "oom_kill", "oom_group_kill"];

    /// <summary>Who the kernel would choose below a cgroup: the highest score; null when everybody is exempt.</summary>
    public int? Choose(string cgroup) => node.Kernel.Processes(cgroup).Where(pid => node.Kernel.OomScoreAdjust(pid) > NeverKilled)
        .OrderByDescending(node.Kernel.OomScoreAdjust).ThenByDescending(pid => pid).Select(pid => (int?)pid).FirstOrDefault();

    /// <summary>Kills a process for the limit of a cgroup, or for the machine.</summary>
    /// <param name="victim">Its id.</param>
    /// <param name="limit">The cgroup whose memory.max was hit; null for the machine.</param>
    public void Kill(int victim, string? limit)
    {
        var (kernel, cgroup) = (node.Kernel, node.Kernel.CgroupOf(victim));
        var comm = kernel.Read($"proc/{victim}/comm") ?? "?";
        var group = Ancestors(cgroup).Where(path => limit is null || path == limit || path.StartsWith(limit + "/", StringComparison.Ordinal))
            .LastOrDefault(path => kernel.Read($"sys/fs/cgroup{path}/memory.oom.group") == "1");
        Say($"{comm} invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj={kernel.OomScoreAdjust(victim)}");
        if (limit is not null)
        {
            var kibibytes = long.TryParse(kernel.Read($"sys/fs/cgroup{limit}/memory.max"), NumberStyles.None, CultureInfo.InvariantCulture, out var bytes) ? bytes >> 10 : 0;
            Say($"memory: usage {kibibytes}kB, limit {kibibytes}kB, failcnt 1");
        }

        Say($"oom-kill:constraint={(limit is null ? "CONSTRAINT_NONE" : "CONSTRAINT_MEMCG")},nodemask=(null),cpuset=/,mems_allowed=0{(limit is null ? ",global_oom" : $",oom_memcg={limit}")},task_memcg={cgroup},task={comm},pid={victim},uid=0");
        SayKilled(victim, limit is not null);
        var killed = 1;
        if (group is not null)
        {
            Say($"Tasks in {group} are going to be killed due to memory.oom.group set");
            foreach (var pid in kernel.Processes(group).Where(pid => kernel.OomScoreAdjust(pid) > NeverKilled))
            {
                SayKilled(pid, limit is not null);
                killed++;
            }
        }

        foreach (var path in Ancestors(cgroup))
        {
            Count(path, "oom_kill", killed);
            if (limit is not null && limit.StartsWith(path, StringComparison.Ordinal))
            {
                Count(path, "max", 1);
                Count(path, "oom", 1);
            }

            if (group is not null && group.StartsWith(path, StringComparison.Ordinal))
            {
                Count(path, "oom_group_kill", 1);
            }
        }
    }

    private void SayKilled(int pid, bool ofCgroup) => Say(string.Create(CultureInfo.InvariantCulture,
        $"{(ofCgroup ? "Memory cgroup out of memory" : "Out of memory")}: Killed process {pid} ({node.Kernel.Read($"proc/{pid}/comm")}) total-vm:{7 * VictimKibibytes}kB, anon-rss:{VictimKibibytes}kB, file-rss:512kB, shmem-rss:0kB, UID:0 pgtables:212kB oom_score_adj:{node.Kernel.OomScoreAdjust(pid)}"));

    private void Say(string line) => node.Kernel.Log(line, node.NowMicroseconds);

    // The innermost first.
    private static IEnumerable<string> Ancestors(string cgroup)
    {
        for (var path = cgroup; path.Length > 1; path = path[..path.LastIndexOf('/')])
        {
            yield return path;
        }
    }

    private void Count(string cgroup, string counter, int by)
    {
        if (node.Kernel.Read($"sys/fs/cgroup{cgroup}/memory.events") is not { } events)
        {
            return;
        }

        var counts = events.Split('\n').Select(line => line.Split(' ')).Where(words => words.Length == 2)
            .ToDictionary(words => words[0], words => int.Parse(words[1], CultureInfo.InvariantCulture), StringComparer.Ordinal);
        counts[counter] = counts.GetValueOrDefault(counter) + by;
        node.Kernel.WriteCgroup(cgroup, "memory.events", string.Join('\n', Counters.Select(name => FormattableString.Invariant($"{name} {counts.GetValueOrDefault(name)}"))));
    }
}
