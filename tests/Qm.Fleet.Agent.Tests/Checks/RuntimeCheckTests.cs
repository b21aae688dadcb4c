using Qm.Fleet.Agent.Checks;
using Qm.Fleet.Agent.Processes;
using Qm.Fleet.Agent.Revisions;
using Qm.Fleet.V1;
using static Qm.Fleet.V1.CheckResult.Types;

namespace Qm.Fleet.Agent.Tests.Checks;

public sealed class RuntimeCheckTests : IDisposable
{
    // What a confined QM answers: the arguments after "exec qm", a tab, and a line of shell.
    private static readonly (string Arguments, string Answer)[] Confined =
    [
        ("sysctl -n fs.mqueue.queues_max", "echo 4"), ("ls -A /lib/modules", "echo no such directory >&2; exit 2"),
        ("chrt -o*", "exit 0"), ("chrt -b*", "exit 0"), ("chrt -i*", "exit 0"), ("chrt*", "echo Function not implemented >&2; exit 1"),
        ("sh -c test*", "exit 0"), ("stat -c %d /dev/shm", "echo 53"), ("stat -c %d:%i*", "echo 24:77"), ("podman ps*", "echo radio running"),
        ("sysctl -n*", "echo 1"), ("sh -c sysctl*", "echo permission denied >&2; exit 1"), ("sysctl -w*", "exit 0"), ("setenforce*", "echo Permission denied >&2; exit 1"),
    ];

    private readonly EmulatedNode _node = new();

    public void Dispose() => _node.Dispose();

    [Fact(Timeout = 60_000)]
    [Trait("Requirement", "QMF-CHECK-002")]
    public async Task Select_NoNames_RunsOnlyWhatDisturbsNothing()
    {
        Install(Confined);
        var results = await RunAsync([], true, TestContext.Current.CancellationToken);

        Assert.Equal(17, results.Count);
        Assert.All(results.Values, result => Assert.Equal((result.Id, Kind.Runtime, Verdict.Pass, ""), (result.Id, result.Kind, result.Verdict, result.Message)));
        var log = await File.ReadAllTextAsync(_node.Of("log"), TestContext.Current.CancellationToken);
        Assert.DoesNotContain("sysctl -w", log);
        Assert.DoesNotContain("setenforce", log);
    }

    [Theory]
    [InlineData("sysctl")]
    [InlineData("tcp_max_syn_backlog")]
    [InlineData("selinux")]
    [Trait("Requirement", "QMF-CHECK-002")]
    public void Select_DisturbingWithoutDisturb_IsRefused(string name)
    {
        var refusal = Assert.Throws<CommandRefusedException>(() => RuntimeChecks.Select([name, "mqueue"], disturb: false));

        Assert.Equal("DisturbingCheck", refusal.Reason);
        Assert.Contains($"{name} could change something", refusal.Message);
    }

    [Theory]
    [InlineData("memory")]
    [InlineData("disk")]
    [InlineData("agent-flood")]
    [InlineData("nonsense")]
    [Trait("Requirement", "QMF-CHECK-002")]
    public void Select_Unknown_IsRefusedWithWhatThereIsAndWhatIsLeftOut(string name)
    {
        var refusal = Assert.Throws<CommandRefusedException>(() => RuntimeChecks.Select([name], disturb: true));

        Assert.Equal("UnknownCheck", refusal.Reason);
        Assert.Contains("mqueue", refusal.Message);
        Assert.Contains("memory, disk and agent-flood are left out", refusal.Message);
    }

    [Fact(Timeout = 60_000)]
    [Trait("Requirement", "QMF-CHECK-002")]
    public async Task Disturbing_ByName_RunsAndPassesOnAConfinedQm()
    {
        Install(Confined);
        Tool("sysctl", "echo 512");
        Tool("getenforce", "echo Enforcing");
        var results = await RunAsync(["sysctl", "tcp_max_syn_backlog", "selinux"], true, TestContext.Current.CancellationToken);

        Assert.All(results.Values, result => Assert.Equal((Kind.Disturbing, Verdict.Pass), (result.Kind, result.Verdict)));
    }

    [Theory(Timeout = 60_000)]
    [InlineData("mqueue", "sysctl -n*", "echo 256", "another number")]
    [InlineData("modules", "ls*", "echo 6.1.0", "sees kernel modules")]
    [InlineData("deny_set_scheduler", "chrt*", "exit 0", "before safety programs")]
    [InlineData("deny_set_scheduler", "chrt*", "exit 1", "needs is refused")]
    [InlineData("deny_sched_setattr", "chrt*", "exit 0", "reserve time")]
    [InlineData("sys_read_only", "sh*", "exit 1", "write /sys")]
    [InlineData("check_dev_shm", "stat*", "echo 22", "share /dev/shm")]
    [InlineData("qm_nested", "podman ps*", "echo radio exited", "radio exited")]
    [InlineData("qm_nested", "podman ps*", "echo cannot re-exec >&2; exit 1", "does not answer")]
    [InlineData("sysctl", "*", "exit 0", "QM can write vm.swappiness")]
    [Trait("Requirement", "QMF-CHECK-001")]
    public async Task Check_OpenQm_FailsItAndSaysWhy(string id, string arguments, string answer, string why)
    {
        Install([(arguments, answer)]);
        var result = (await RunAsync([id], true, TestContext.Current.CancellationToken))[id];

        Assert.Equal(Verdict.Fail, result.Verdict);
        Assert.Contains(why, result.Message);
    }

    [Theory(Timeout = 60_000)]
    [InlineData("exit 125", "could not be run")]
    [InlineData("exit 127", "could not be run")]
    [InlineData(null, "podman is not installed")]
    [Trait("Requirement", "QMF-CHECK-001")]
    public async Task Check_ThatCannotBeAsked_IsUnknownAndNeverPasses(string? answer, string why)
    {
        Tool("stat", "echo 22");
        if (answer is not null)
        {
            Install([("*", answer)]);
        }

        var results = await RunAsync([], false, TestContext.Current.CancellationToken);

        Assert.All(results.Values, result => Assert.Equal(Verdict.Unknown, result.Verdict));
        Assert.All(results.Values, result => Assert.Contains(why, result.Message));
    }

    [Fact]
    public void Checks_StaticAndRuntime_TogetherNameEveryTestOfQmButTheThreeLeftOut()
    {
        string[] tests =
        [
            "qm-oom-score-adj", "mqueue", "sysctl", "tcp_max_syn_backlog", "modules", "deny_set_scheduler", "deny_sched_setattr", "selinux", "sys_read_only",
            "dev_mem_not_present", "check_dev_console", "check_dev_disk", "check_dev_kmsg", "check_etc_qm", "check_usr_lib_qm", "check_usr_share_qm", "check_dev_shm",
            "check_run_systemd_journal_socket", "check_run_udev_control", "qm-unit-files", "qm_nested", "memory", "disk",
        ];
        var ids = RuntimeChecks.All.Select(check => check.Id).Concat(Agent.Checks.StaticChecks.All.Select(check => check.Id)).ToHashSet();

        Assert.Subset(ids, tests.ToHashSet());
        Assert.Equal(RuntimeChecks.All.Count, RuntimeChecks.All.DistinctBy(check => check.Id).Count());
        Assert.Equal(Agent.Checks.StaticChecks.All.Count, Agent.Checks.StaticChecks.All.DistinctBy(check => check.Id).Count());
    }

    private async Task<IReadOnlyDictionary<string, CheckResult>> RunAsync(string[] names, bool disturb, CancellationToken cancellationToken)
    {
        var programs = new NodePrograms([_node.Of("bin")], TimeProvider.System);
        var results = new Dictionary<string, CheckResult>();
        foreach (var check in RuntimeChecks.Select(names, disturb))
        {
            results.Add(check.Id, await check.RunAsync(programs, cancellationToken));
        }

        return results;
    }

    private void Install((string Arguments, string Answer)[] answers)
    {
        Tool("podman", $"""
            echo "$*" >>{_node.Of("log")}
            shift 2
            case "$*" in
            {string.Join("\n", answers.Select(answer => $"{answer.Arguments.Replace(" ", "\\ ")}) {answer.Answer} ;;"))}
            esac
            """);
        Tool("stat", "[ \"$3\" = /dev/shm ] && echo 22 || echo 24:11");
    }

    private void Tool(string name, string script)
    {
        _node.Write($"bin/{name}", $"#!/bin/sh\n{script}\n");
        _node.MakeExecutable($"bin/{name}");
    }
}
