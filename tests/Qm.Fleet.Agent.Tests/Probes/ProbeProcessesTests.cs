using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.Time.Testing;
using Qm.Fleet.Agent.Files;
using Qm.Fleet.Agent.Probes;
using Qm.Fleet.Agent.Processes;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Supervision;

namespace Qm.Fleet.Agent.Tests.Probes;

/// <summary>What a probe's command began inside QM, with processes of this machine and a podman that begins them as podman does: not as its children.</summary>
[Trait("Requirement", "QMF-PROBE-005")]
public sealed class ProbeProcessesTests : IDisposable
{
    private const string Unit = "radio.service";
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(20);

    private readonly EmulatedNode _node = new();
    private readonly FakeTimeProvider _time = new();
    private readonly List<int> _begun = [];

    public void Dispose()
    {
        foreach (var pid in _begun.Where(Runs))
        {
            using var process = Process.GetProcessById(pid);
            process.Kill();
        }

        _node.Dispose();
    }

    [Fact(Timeout = 60_000)]
    public async Task Exec_ThatDoesNotEnd_IsEndedInsideQmWithAllItStarted()
    {
        var ct = TestContext.Current.CancellationToken;
        var probe = ProbeAsync(Prober(Podman("sleep 600")), Qm(), ct);
        var (command, child) = (await BegunAsync("command", ct), await BegunAsync("child", ct));
        _time.Advance(TimeSpan.FromSeconds(1));

        AssertTimedOut(await EndAsync(probe, ct));
        Assert.Equal((false, false), (Runs(command), Runs(child)));
    }

    [Fact(Timeout = 60_000)]
    public async Task Exec_WhoseCallerGivesUp_IsEndedInsideQm()
    {
        var ct = TestContext.Current.CancellationToken;
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var probe = ProbeAsync(Prober(Podman("sleep 600")), Qm(), stop.Token);
        var (command, child) = (await BegunAsync("command", ct), await BegunAsync("child", ct));
        await stop.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => EndAsync(probe, ct));
        Assert.Equal((false, false), (Runs(command), Runs(child)));
    }

    [Fact(Timeout = 60_000)]
    public async Task Exec_OfAnAgentThatWasKilledMeanwhile_IsEndedByTheNextBeforeItProbes()
    {
        var ct = TestContext.Current.CancellationToken;
        // The podman of an agent that is no more has begun it, and nobody waits for it.
        using var orphan = Process.Start(new ProcessStartInfo(Podman("exit 0"), [ProbeProcesses.Mark(Unit)]))!;
        var (command, child) = (await BegunAsync("command", ct), await BegunAsync("child", ct));
        Program("podman", $"cat /proc/{command}/environ >{_node.Of("seen")} 2>/dev/null; exit 0");

        Assert.Equal(ProbeOutcome.Success, await EndAsync(ProbeAsync(Prober(_node.Of("bin/podman")), Qm(), ct), ct));
        Assert.Equal((false, false), (Runs(command), Runs(child)));
        Assert.Equal("", await File.ReadAllTextAsync(_node.Of("seen"), ct));
    }

    [Theory(Timeout = 60_000)]
    [InlineData(Unit, "/qm.service/libpod-payload-aa")]
    [InlineData("navi.service", "")]
    public async Task Exec_ThatDoesNotEnd_EndsNeitherWhatIsNotQmsNorOtherProbes(string unit, string below)
    {
        var ct = TestContext.Current.CancellationToken;
        using var other = Process.Start(new ProcessStartInfo(Podman("exit 0"), [ProbeProcesses.Mark(unit)]))!;
        var (command, child) = (await BegunAsync("command", ct), await BegunAsync("child", ct));
        Program("podman", $"echo $$ >{_node.Of("podman.new")}; mv {_node.Of("podman.new")} {_node.Of("podman.pid")}; exec sleep 600");

        var qm = Qm();
        var probe = ProbeAsync(Prober(_node.Of("bin/podman")), qm with { QmPayload = qm.QmPayload + below }, ct);
        await BegunAsync("podman", ct);
        _time.Advance(TimeSpan.FromSeconds(1));

        AssertTimedOut(await EndAsync(probe, ct));
        Assert.Equal((true, true), (Runs(command), Runs(child)));
    }

    [Fact]
    public async Task End_OnAnEmulatedNode_EndsNobody()
    {
        var ct = TestContext.Current.CancellationToken;
        // Its files name processes by numbers that somebody else has.
        using var bystander = Process.Start(new ProcessStartInfo("sleep", ["600"]) { Environment = { ["QM_FLEET_PROBE"] = Unit } })!;
        _begun.Add(bystander.Id);
        _node.Write($"proc/{bystander.Id}/environ", $"QM_FLEET_PROBE={Unit}\0");
        _node.Write($"proc/{bystander.Id}/cgroup", $"0::/{EmulatedNode.Payload["sys/fs/cgroup/".Length..]}\n");
        using var root = NodeRoot.Open(_node.Root);

        Assert.Equal(ProbeRemains.None, await new ProbeProcesses(root, isMachine: false, _time).EndAsync(Unit, new(492, "/" + EmulatedNode.Payload, ""), ct));
        Assert.True(Runs(bystander.Id));
    }

    // Some process of this machine may be one that nobody may look at.
    private static void AssertTimedOut(ProbeOutcome outcome)
    {
        Assert.Equal(false, outcome.HasSucceeded);
        Assert.StartsWith("no answer within 1 s", outcome.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("did not end", outcome.Message, StringComparison.Ordinal);
    }

    // Marks what it starts as it was asked to, and leaves it to somebody else.
    private string Podman(string then)
    {
        Program("podman", $$"""
            for word; do case "$word" in --env=*) export "${word#--env=}" ;; esac; done
            (setsid sh -c '
              sleep 600 &
              echo $! >{{_node.Of("child.new")}}; mv {{_node.Of("child.new")}} {{_node.Of("child.pid")}}
              echo $$ >{{_node.Of("command.new")}}; mv {{_node.Of("command.new")}} {{_node.Of("command.pid")}}
              wait
            ' </dev/null >/dev/null 2>&1 &)
            {{then}}
            """);
        return _node.Of("bin/podman");
    }

    private void Program(string name, string script)
    {
        Directory.CreateDirectory(_node.Of("bin"));
        // Another file: the shell of the one before may still read its own.
        File.Delete(_node.Of($"bin/{name}"));
        _node.Write($"bin/{name}", $"#!/bin/sh\n{script}\n");
        _node.MakeExecutable($"bin/{name}");
    }

    private Prober Prober(string podman)
    {
        var root = NodeRoot.Open("/");
        return new(root, isMachine: true, new NodePrograms([Path.GetDirectoryName(podman)!], _time), _time);
    }

    private static Task<ProbeOutcome> ProbeAsync(Prober prober, ProbeTarget target, CancellationToken stop) =>
        prober.ProbeAsync(new(Unit, "systemd-radio", new(new ProbeAction.Exec(["/bin/check"])) { TimeoutSeconds = 1 }), target, stop);

    // Every process of this test is one of QM.
    private static ProbeTarget Qm()
    {
        var cgroup = File.ReadLines("/proc/self/cgroup").FirstOrDefault(line => line.StartsWith("0::", StringComparison.Ordinal));
        Assert.SkipUnless(cgroup is not null, "this machine has no cgroup v2, which tells QM's processes");
        return new(System.Environment.ProcessId, $"/sys/fs/cgroup{cgroup[3..].TrimEnd('/')}", "");
    }

    // As fast as time passes: the kernel needs some of its own to end a process.
    private async Task<ProbeOutcome> EndAsync(Task<ProbeOutcome> probe, CancellationToken ct)
    {
        while (!probe.IsCompleted)
        {
            await Task.Delay(Step, TimeProvider.System, ct);
            _time.Advance(Step);
        }

        return await probe;
    }

    private async Task<int> BegunAsync(string name, CancellationToken ct)
    {
        while (!File.Exists(_node.Of($"{name}.pid")))
        {
            await Task.Delay(Step, TimeProvider.System, ct);
        }

        var pid = int.Parse(await File.ReadAllTextAsync(_node.Of($"{name}.pid"), ct), CultureInfo.InvariantCulture);
        _begun.Add(pid);
        return pid;
    }

    // Of one that nobody has buried yet nothing is left to be read.
    private static bool Runs(int pid)
    {
        try
        {
            return File.ReadAllText($"/proc/{pid}/environ").Length > 0;
        }
        catch (IOException)
        {
            return false;
        }
    }
}
