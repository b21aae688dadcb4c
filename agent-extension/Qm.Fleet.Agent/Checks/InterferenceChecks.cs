using System.Globalization;
using System.Text.Json;

namespace Qm.Fleet.Agent.Checks;

/// <summary>The static half of QM's tests of freedom from interference: what files and the kernel say without a command.</summary>
internal static class InterferenceChecks
{
    /// <summary>In the order of QM's tests.</summary>
    public static IReadOnlyList<StaticCheck> All { get; } =
    [
        new("qm-oom-score-adj", "The kernel kills nested containers first, then QM, then the host", "/proc/<host, QM, nested>/oom_score_adj",
            "QM as the quadlet says; 0 <= host < QM < nested", OomOrder),
        new("memory", "QM neither swaps nor leaves half a container behind", "memory.swap.max of qm.service, cgroup_conf of QM's containers.conf",
            "0 and memory.oom.group=1", Memory),
        new("disk", "QM's data cannot fill the host's disk", "/proc/1/mountinfo", "a file system of its own on RWVARFS", Disk),
        new("mqueue", "QM has message queues of its own, few", "Sysctl= of the quadlet", "fs.mqueue.queues_max=4", Mqueue),
        new("sysctl", "QM cannot write the host's kernel settings", "/proc/<QM's init>/mountinfo", "/proc/sys mounted ro",
            facts => ReadOnlyMount(facts, "/proc/sys", "An Unmask= in a drop-in, or --privileged, opens it.")),
        new("modules", "QM has no kernel modules to load", "ROOTFS/lib/modules", "missing or empty", Modules),
        new("deny_set_scheduler", "QM cannot take a real-time scheduling policy", "the file of SeccompProfile=",
            "sched_setscheduler only with policy OTHER, BATCH or IDLE", facts => Seccomp(facts, SeccompProfile.SetSchedulerGaps)),
        new("deny_sched_setattr", "QM cannot take a deadline scheduling policy", "the file of SeccompProfile=",
            "sched_setattr not allowed", facts => Seccomp(facts, SeccompProfile.SetAttributeGaps)),
        new("selinux", "SELinux confines QM", "/sys/fs/selinux/enforce, /proc/<QM's init>/attr/current", "enforcing, type qm_t", SeLinux),
        new("sys_read_only", "QM cannot write /sys", "/proc/<QM's init>/mountinfo", "/sys mounted ro",
            facts => ReadOnlyMount(facts, "/sys", "An Unmask= in a drop-in, or --privileged, opens it.")),
        new("check_etc_qm", "QM does not see its own configuration from outside", "RWETCFS/qm", "missing", facts => Absent(facts, facts.Paths.Etc, "/qm")),
        new("check_usr_lib_qm", "QM does not see its own rootfs from outside", "ROOTFS/usr/lib/qm", "missing",
            facts => Absent(facts, facts.Paths.Rootfs, "/usr/lib/qm")),
        new("check_usr_share_qm", "QM does not see the host's QM files", "ROOTFS/usr/share/qm", "missing",
            facts => Absent(facts, facts.Paths.Rootfs, "/usr/share/qm")),
        new("check_dev_shm", "QM has shared memory of its own", "/proc/<1, QM's init>/mountinfo", "another file system on /dev/shm than the host's", SharedMemory),
        new("qm-unit-files", "QM cannot change its own units", "/proc/<QM's init>/mountinfo", "/ mounted ro, nothing writable below /usr", UnitFiles),
    ];

    private static CheckOutcome OomOrder(NodeFacts facts)
    {
        var (oom, wanted) = (facts.Report.Oom, facts.WantedScore);
        _ = facts.Init;
        if (oom is not { HasHost: true, HasQm: true })
        {
            return CheckOutcome.Unknown("The scores of the host and QM cannot be read.");
        }

        var scores = oom.Nested.Select(container => container.Score).Concat(oom.HasNestedDefault ? [oom.NestedDefault] : []).ToArray();
        var found = $"host {oom.Host}, QM {oom.Qm}, nested {(scores.Length == 0 ? "unknown" : string.Join('/', scores.Distinct().Order()))}";
        string[] wrong =
        [
            .. oom.Qm == wanted ? [] : (string[])[$"QM has {oom.Qm} where the quadlet says {wanted}: it takes effect at QM's next restart."],
            .. oom.Host >= 0 && oom.Qm > oom.Host ? [] : (string[])["QM is not killed before the host: OOMScoreAdjust of qm.service must be above the host's."],
            .. scores.All(score => score > oom.Qm) ? [] : (string[])["A nested container is not killed before QM: raise oom_score_adj in QM's containers.conf."],
            .. scores.Length > 0 ? [] : (string[])["Nothing sets oom_score_adj for nested containers; they would have QM's."],
        ];
        return CheckOutcome.Of(found, wrong);
    }

    private static CheckOutcome Memory(NodeFacts facts)
    {
        var swap = facts.Report.Cgroup.GetValueOrDefault("memory.swap.max");
        var group = NestedCgroupConf.Read(facts);
        var found = $"memory.swap.max {swap ?? "unknown"}, cgroup_conf [{string.Join(", ", group)}]";
        string[] wrong =
        [
            .. swap is null or "0" ? [] : (string[])["QM may swap: set MemorySwapMax=0."],
            .. group.Contains("memory.oom.group=1") ? [] : (string[])["A nested container is not killed as a whole: add memory.oom.group=1 to cgroup_conf."],
        ];
        return wrong.Length == 0 && swap is null ? CheckOutcome.Unknown("memory.swap.max of qm.service cannot be read; QM does not run.", found) : CheckOutcome.Of(found, wrong);
    }

    private static CheckOutcome Disk(NodeFacts facts) =>
        facts.Mounts(1).On(facts.Paths.Var) is { } mount
            ? CheckOutcome.Pass(mount.ToString())
            : CheckOutcome.Fail("none", $"{facts.Paths.Var} lies on the host's own file system, which QM can fill: mount a partition there.");

    private static CheckOutcome Mqueue(NodeFacts facts)
    {
        var found = facts.Containers("Sysctl").SelectMany(line => line.Split(' ')).LastOrDefault(setting => setting.StartsWith("fs.mqueue.queues_max=", StringComparison.Ordinal));
        return found == "fs.mqueue.queues_max=4" ? CheckOutcome.Pass(found)
            : CheckOutcome.Fail(found ?? "not set", "QM's number of message queues is not what it ships with: remove the drop-in that resets Sysctl=.");
    }

    private static CheckOutcome Modules(NodeFacts facts)
    {
        using var rootfs = facts.Within(facts.Paths.Rootfs);
        var found = rootfs.List("/lib/modules");
        return found.Count == 0 ? CheckOutcome.Pass("empty")
            : CheckOutcome.Fail(string.Join(' ', found), "Kernel modules lie in QM's rootfs: remove the packages that brought them.");
    }

    private static CheckOutcome Seccomp(NodeFacts facts, Func<string, IReadOnlyList<string>> gaps)
    {
        if (facts.Container("SeccompProfile").Trim('"', '\'') is not { Length: > 0 } path || path == "unconfined")
        {
            return CheckOutcome.Fail(facts.Container("SeccompProfile"), "The quadlet in force has no profile that withholds real-time scheduling: remove the drop-in that resets SeccompProfile=.");
        }

        if (facts.Text(path) is not { } profile)
        {
            return CheckOutcome.Fail("missing", $"There is no {path}, so qm.service fails at its next start: reinstall the package qm.");
        }

        try
        {
            return CheckOutcome.Of(path, gaps(profile));
        }
        catch (JsonException e)
        {
            return CheckOutcome.Fail(path, $"{path} is no seccomp profile: {e.Message}");
        }
    }

    private static CheckOutcome SeLinux(NodeFacts facts)
    {
        if (facts.Text("/sys/fs/selinux/enforce")?.Trim() is not { } enforce)
        {
            return CheckOutcome.Fail("no SELinux", "The kernel runs without SELinux, so only namespaces confine QM: enable it.");
        }

        var label = facts.Need($"/proc/{facts.Init}/attr/current").TrimEnd('\0', '\n');
        return CheckOutcome.Of($"{(enforce == "1" ? "enforcing" : "permissive")}, {label}",
        [
            .. enforce == "1" ? [] : (string[])["SELinux is permissive: it reports and forbids nothing."],
            .. label.Split(':') is [_, _, "qm_t", ..] ? [] : (string[])["QM's init does not run as qm_t: is the SELinux module of QM installed?"],
        ]);
    }

    private static CheckOutcome ReadOnlyMount(NodeFacts facts, string point, string advice) => facts.Mounts(facts.Init).On(point) switch
    {
        { IsReadOnly: true } mount => CheckOutcome.Pass(mount.ToString()),
        { } mount => CheckOutcome.Fail(mount.ToString(), $"QM can write {point}. {advice}"),
        null => CheckOutcome.Fail("not mounted", $"Nothing of its own is mounted on {point} in QM. {advice}"),
    };

    private static CheckOutcome Absent(NodeFacts facts, string tree, string path)
    {
        using var root = facts.Within(tree);
        return root.Exists(path) ? CheckOutcome.Fail($"{tree}{path}", "Files of the host's side lie inside QM: remove them, and any Volume= that brings them.") : CheckOutcome.Pass("missing");
    }

    private static CheckOutcome SharedMemory(NodeFacts facts) =>
        (facts.Mounts(1).On("/dev/shm"), facts.Mounts(facts.Init).On("/dev/shm")) switch
        {
            (_, null) => CheckOutcome.Fail("not mounted", "QM has no /dev/shm of its own."),
            (null, { } mount) => CheckOutcome.Pass($"{mount}; the host has none"),
            ({ } host, { } mount) when host.Device == mount.Device => CheckOutcome.Fail($"{mount}", "QM shares /dev/shm with the host: remove the Volume= or --ipc=host that does it."),
            ({ } host, { } mount) => CheckOutcome.Pass(string.Create(CultureInfo.InvariantCulture, $"{mount}; the host's is {host.Device}")),
        };

    private static CheckOutcome UnitFiles(NodeFacts facts)
    {
        var mounts = facts.Mounts(facts.Init);
        var writable = mounts.Mounts.Where(mount => !mount.IsReadOnly && (mount.Point == "/usr" || mount.Point.StartsWith("/usr/", StringComparison.Ordinal))).ToArray();
        return mounts.On("/") is not { } top ? CheckOutcome.Unknown("QM's mount table has no root.")
            : CheckOutcome.Of($"{top}{string.Concat(writable.Select(mount => $", {mount}"))}",
            [
                .. top.IsReadOnly ? [] : (string[])["QM can write its own root: set ReadOnly=true."],
                .. writable.Length == 0 ? [] : (string[])["QM can write below its /usr: remove the Volume= that allows it."],
            ]);
    }
}
