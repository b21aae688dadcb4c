using Qm.Fleet.Agent.Processes;

namespace Qm.Fleet.Agent.Checks;

/// <summary>The half of QM's tests of freedom from interference that needs a running QM.</summary>
/// <remarks>
/// QM's tests memory, disk and agent-flood are not here: they eat the node's memory, fill its disk, and flood BlueChi, which is work for
/// a test bench and not for a tool that a fleet is looked after with. Where QM's test writes to find out whether it can, these ask the kernel.
/// </remarks>
internal static class RuntimeChecks
{
    private static readonly string[] KernelSettings =
        ["net.ipv4.ip_forward", "net.ipv4.conf.all.rp_filter", "net.ipv4.tcp_max_syn_backlog", "vm.swappiness", "vm.overcommit_memory"];

    private static readonly (string Policy, string[] Arguments)[] Policies =
        [("OTHER", ["-o", "0"]), ("BATCH", ["-b", "0"]), ("IDLE", ["-i", "0"]), ("FIFO", ["-f", "1"]), ("RR", ["-r", "1"])];

    /// <summary>In the order of QM's tests.</summary>
    public static IReadOnlyList<RuntimeCheck> All { get; } =
    [
        new("mqueue", "QM has message queues of its own, few", [NodeCommand.InQm("sysctl", "-n", "fs.mqueue.queues_max")], "4", results =>
            results[0].Output.Trim() == "4" ? CheckOutcome.Pass("4") : CheckOutcome.Fail(Said(results[0]), "QM has another number of message queues than it ships with.")),
        new("modules", "QM has no kernel modules to load", [NodeCommand.InQm("ls", "-A", "/lib/modules")], "missing or empty", results =>
            results[0].Output.Trim().Length == 0 ? CheckOutcome.Pass("nothing") : CheckOutcome.Fail(results[0].Output, "QM sees kernel modules.")),
        new("deny_set_scheduler", "QM cannot take a real-time scheduling policy",
            [.. Policies.Select(policy => NodeCommand.InQm(["chrt", .. policy.Arguments, "true"]))], "OTHER, BATCH, IDLE succeed; FIFO, RR fail", SetScheduler),
        new("deny_sched_setattr", "QM cannot take a deadline scheduling policy",
            [NodeCommand.InQm("chrt", "-d", "--sched-runtime", "10000000", "--sched-deadline", "20000000", "--sched-period", "30000000", "0", "true")], "fails", results =>
            results[0].ExitCode != 0 ? CheckOutcome.Pass(Said(results[0])) : CheckOutcome.Fail("it succeeded", "QM can reserve time of the CPUs: is its seccomp profile in force?")),
        Shell("sys_read_only", "QM cannot write /sys", "test -r /sys && test ! -w /sys", "QM can write /sys, or not read it."),
        Shell("dev_mem_not_present", "QM has no /dev/mem", "test ! -e /dev/mem", "QM can reach the memory of the machine."),
        Shell("check_dev_console", "QM has no /dev/console of the host", "test ! -c /dev/console", "QM sees the console."),
        Shell("check_dev_disk", "QM has no /dev/disk", "test ! -d /dev/disk", "QM sees the host's disks."),
        Shell("check_dev_kmsg", "QM has no /dev/kmsg", "test ! -c /dev/kmsg", "QM sees the kernel's log."),
        Shell("check_etc_qm", "QM does not see /etc/qm", "test ! -d /etc/qm", "Files of the host's side are seen inside QM."),
        Shell("check_usr_lib_qm", "QM does not see /usr/lib/qm", "test ! -d /usr/lib/qm", "Files of the host's side are seen inside QM."),
        Shell("check_usr_share_qm", "QM does not see /usr/share/qm", "test ! -d /usr/share/qm", "Files of the host's side are seen inside QM."),
        Apart("check_dev_shm", "QM has shared memory of its own", "%d", "/dev/shm"),
        Apart("check_run_systemd_journal_socket", "QM has a journal of its own", "%d:%i", "/run/systemd/journal/socket"),
        Shell("check_run_udev_control", "QM cannot talk to udev", "test ! -e /run/udev/control", "QM reaches the host's device manager."),
        Shell("qm-unit-files", "QM cannot change its own units", "test ! -w /usr/lib/systemd/system", "QM can write its unit files."),
        new("qm_nested", "Podman in QM runs containers", [NodeCommand.InQm("podman", "ps", "--format", "{{.Names}} {{.State}}")], "at least one container, all running", Nested),
        new("sysctl", "QM cannot write the host's kernel settings",
            [.. KernelSettings.SelectMany(setting => (NodeCommand[])[NodeCommand.InQm("sysctl", "-n", setting), WriteBack(setting)])], "every write is refused", KernelWrites) { IsDisturbing = true },
        new("tcp_max_syn_backlog", "A network setting of QM is not the host's",
            [
                new("sysctl", "-n", "net.ipv4.tcp_max_syn_backlog"), NodeCommand.InQm("sysctl", "-w", "net.ipv4.tcp_max_syn_backlog=128"),
                NodeCommand.InQm("sysctl", "-w", "net.ipv4.tcp_max_syn_backlog=512"), new("sysctl", "-n", "net.ipv4.tcp_max_syn_backlog"),
            ],
            "the host's value stays", results => results[0].Output == results[3].Output && results[0].Succeeded
                ? CheckOutcome.Pass($"host {results[0].Output.Trim()} before and after")
                : CheckOutcome.Fail($"host {Said(results[0])} before, {Said(results[3])} after", "QM changes the host's network settings.")) { IsDisturbing = true },
        new("selinux", "QM cannot switch SELinux off",
            // The last one takes back what the attempt did where it succeeded.
            [new("getenforce"), NodeCommand.InQm("setenforce", "0"), new("getenforce"), NodeCommand.InQm("setenforce", "1")], "refused, still enforcing", SetEnforce) { IsDisturbing = true },
    ];

    /// <summary>The checks of these names; of none, all that disturb nothing.</summary>
    /// <param name="names">Ids.</param>
    /// <param name="disturb">Whether those may disturb the node.</param>
    /// <exception cref="Revisions.CommandRefusedException">UnknownCheck, DisturbingCheck: nothing was run.</exception>
    public static IReadOnlyList<RuntimeCheck> Select(IReadOnlyCollection<string> names, bool disturb)
    {
        if (names.Count == 0)
        {
            return [.. All.Where(check => !check.IsDisturbing)];
        }

        var unknown = names.Where(name => All.All(check => check.Id != name)).ToArray();
        if (unknown.Length > 0)
        {
            throw new Revisions.CommandRefusedException("UnknownCheck",
                $"There is no runtime check {string.Join(", ", unknown.Select(Revisions.AllowList.Printable))}; there are {string.Join(", ", All.Select(check => check.Id))}. "
                + "QM's tests memory, disk and agent-flood are left out: they take a node down to see whether it survives.");
        }

        var selected = All.Where(check => names.Contains(check.Id)).ToArray();
        return disturb || Array.TrueForAll(selected, check => !check.IsDisturbing) ? selected
            : throw new Revisions.CommandRefusedException("DisturbingCheck",
                $"{string.Join(", ", selected.Where(check => check.IsDisturbing).Select(check => check.Id))} could change something where QM is not confined; nothing was run. Ask again with disturb.");
    }

    private static RuntimeCheck Shell(string id, string title, string condition, string otherwise) =>
        new(id, title, [NodeCommand.InQm("sh", "-c", condition)], "exit code 0", results => results[0].ExitCode switch
        {
            0 => CheckOutcome.Pass("exit code 0"),
            1 => CheckOutcome.Fail("exit code 1", otherwise),
            _ => CheckOutcome.Unknown($"The command failed: {Said(results[0])}", FormattableString.Invariant($"exit code {results[0].ExitCode}")),
        });

    private static RuntimeCheck Apart(string id, string title, string format, string path) =>
        new(id, title, [new("stat", "-c", format, path), NodeCommand.InQm("stat", "-c", format, path)], "another one in QM than on the host", results => results switch
        {
            [{ Succeeded: false }, _] => CheckOutcome.NotApplicable($"The host has no {path}."),
            [_, { Succeeded: false }] => CheckOutcome.Pass($"QM has no {path}"),
            [var host, var qm] when host.Output == qm.Output => CheckOutcome.Fail($"both {host.Output.Trim()}", $"QM and the host share {path}."),
            [var host, var qm] => CheckOutcome.Pass($"host {host.Output.Trim()}, QM {qm.Output.Trim()}"),
            _ => CheckOutcome.Unknown("There are not two answers to compare."),
        });

    // The value that is there already: a write that is not refused changes nothing either.
    private static NodeCommand WriteBack(string setting) => NodeCommand.InQm("sh", "-c", $"sysctl -w {setting}=\"`sysctl -n {setting}`\"");

    private static CheckOutcome SetScheduler(IReadOnlyList<ProgramResult> results)
    {
        var found = string.Join(", ", Policies.Zip(results, (policy, result) => $"{policy.Policy} {(result.ExitCode == 0 ? "succeeded" : "failed")}"));
        return CheckOutcome.Of(found,
        [
            .. results.Take(3).All(result => result.ExitCode == 0) ? [] : (string[])["A policy that QM needs is refused."],
            .. results.Skip(3).All(result => result.ExitCode != 0) ? [] : (string[])["QM can run before safety programs: is its seccomp profile in force?"],
        ]);
    }

    private static CheckOutcome Nested(IReadOnlyList<ProgramResult> results)
    {
        if (!results[0].Succeeded)
        {
            return CheckOutcome.Fail(Said(results[0]), "Podman inside QM does not answer.");
        }

        var lines = results[0].Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        return lines.Length == 0 ? CheckOutcome.NotApplicable("No container runs inside QM.")
            : CheckOutcome.Of(string.Join(", ", lines), [.. lines.Where(line => !line.EndsWith(" running", StringComparison.Ordinal)).Select(line => $"{line}.")]);
    }

    private static CheckOutcome KernelWrites(IReadOnlyList<ProgramResult> results)
    {
        var answers = KernelSettings.Select((setting, i) => (Setting: setting, CanRead: results[2 * i].Succeeded, CanWrite: results[2 * i + 1].Succeeded)).ToArray();
        return !answers.Any(answer => answer.CanRead) ? CheckOutcome.Unknown("No kernel setting can be read inside QM, so none was written.")
            : CheckOutcome.Of(
                string.Join(", ", answers.Select(answer => $"{answer.Setting} {(answer.CanWrite ? "written" : answer.CanRead ? "refused" : "not seen")}")),
                [.. answers.Where(answer => answer.CanWrite).Select(answer => $"QM can write {answer.Setting}.")]);
    }

    private static CheckOutcome SetEnforce(IReadOnlyList<ProgramResult> results) => results switch
    {
        [var before, ..] when before.Output.Trim() != "Enforcing" => CheckOutcome.NotApplicable($"SELinux does not enforce anything: {Said(before)}."),
        [_, { ExitCode: not 0 } attempt, var after, _] when after.Output.Trim() == "Enforcing" => CheckOutcome.Pass(Said(attempt)),
        _ => CheckOutcome.Fail(Said(results[2]), "QM switched SELinux off; it was asked to switch it on again: look with getenforce."),
    };

    private static string Said(ProgramResult result) => (result.Output + result.Errors).Trim() is { Length: > 0 } text ? text : FormattableString.Invariant($"exit code {result.ExitCode}");
}
