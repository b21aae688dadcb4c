using Microsoft.Extensions.Time.Testing;
using Qm.Fleet.Agent.Processes;

namespace Qm.Fleet.Agent.Tests.Processes;

public sealed class ProgramRunnerTests
{
    private static readonly TimeSpan Long = TimeSpan.FromMinutes(1);

    [Fact(Timeout = 60_000)]
    public async Task Program_ThatEnds_IsToldWithBothOutputsAndItsExitCode()
    {
        var result = await RunAsync("echo out; echo err >&2; exit 3", TestContext.Current.CancellationToken);

        Assert.Equal(new ProgramResult(ProgramEnd.Exited, 3, "out\n", "err\n", false), result);
    }

    [Fact(Timeout = 60_000)]
    public async Task Arguments_WithEverythingAShellWouldObey_ArriveAsTheyAre()
    {
        string[] arguments = ["a b", "$HOME", "; exit 9", "'\"", "*", ""];
        var result = await ProgramRunner.RunAsync(
            new("/usr/bin/printf", ["%s\n", .. arguments], Long, 1024), TimeProvider.System, TestContext.Current.CancellationToken);

        Assert.Equal(string.Concat(arguments.Select(argument => argument + "\n")), result.Output);
    }

    [Fact(Timeout = 60_000)]
    public async Task Output_LargerThanWhatIsKept_IsCutAndTheProgramStillEnds()
    {
        var result = await RunAsync("head -c 5000000 /dev/zero | tr '\\0' x; exit 7", TestContext.Current.CancellationToken, outputBytesMax: 1000);

        Assert.Equal((ProgramEnd.Exited, 7, new string('x', 1000), true), (result.End, result.ExitCode, result.Output, result.IsCut));
    }

    [Fact(Timeout = 60_000)]
    public async Task Program_ThatReadsItsInput_FindsItEmpty() => Assert.Equal("", (await RunAsync("cat", TestContext.Current.CancellationToken)).Output);

    [Fact(Timeout = 60_000)]
    public async Task Program_ThatIsNotThere_IsSaid()
    {
        var result = await ProgramRunner.RunAsync(new("/nowhere/podman", [], Long, 10), TimeProvider.System, TestContext.Current.CancellationToken);

        Assert.Equal(ProgramEnd.NotRun, result.End);
        Assert.Contains("/nowhere/podman cannot be run", result.Errors);
    }

    [Fact(Timeout = 60_000)]
    public async Task Deadline_Passed_KillsTheProgramAndWhatItStarted()
    {
        var time = new FakeTimeProvider();
        using var node = new EmulatedNode();
        // The fifo opens when both sides are there: the program and its child run by then.
        node.Write("run", $"#!/bin/sh\nmkfifo {node.Of("ready")}\n(echo $$ >{node.Of("ready")}; sleep 600) &\nwait\n");
        node.MakeExecutable("run");
        var run = ProgramRunner.RunAsync(new(node.Of("run"), [], Long, 10), time, TestContext.Current.CancellationToken);
        await UntilAsync(() => File.Exists(node.Of("ready")));
        var pid = int.Parse(await File.ReadAllTextAsync(node.Of("ready"), TestContext.Current.CancellationToken));
        time.Advance(Long);

        Assert.Equal(ProgramEnd.TimedOut, (await run).End);
        await UntilAsync(() => !Directory.Exists($"/proc/{pid}") || File.ReadAllText($"/proc/{pid}/stat").Contains(") Z", StringComparison.Ordinal));
    }

    [Fact(Timeout = 60_000)]
    public async Task Caller_GivingUp_EndsTheProgram()
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var run = ProgramRunner.RunAsync(new("/bin/sleep", ["600"], Long, 10), TimeProvider.System, stop.Token);
        await stop.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run);
    }

    [Fact(Timeout = 60_000)]
    public async Task NodePrograms_MissingOrEmulated_AreSaidAndNotRun()
    {
        using var node = new EmulatedNode();
        var missing = await new NodePrograms([node.Of("usr/bin")], TimeProvider.System).RunAsync(new("ausearch"), TestContext.Current.CancellationToken);
        var emulated = await NodePrograms.None(TimeProvider.System).RunAsync(new("ausearch"), TestContext.Current.CancellationToken);

        Assert.Equal((ProgramEnd.NotRun, "ausearch is not installed on this node."), (missing.End, missing.Errors));
        Assert.Equal(ProgramEnd.NotRun, emulated.End);
        Assert.Contains("emulated", emulated.Errors);
    }

    [Fact(Timeout = 60_000)]
    public async Task Podman_UnderSystemd_RunsInAUnitOfItsOwnThatEndsItself()
    {
        using var node = new EmulatedNode();
        node.Write("bin/systemd-run", "#!/bin/sh\necho \"$@\"\n");
        node.Write("bin/podman", "");
        node.Write("bin/journalctl", "#!/bin/sh\necho direct \"$@\"\n");
        node.MakeExecutable("bin/systemd-run");
        node.MakeExecutable("bin/journalctl");
        var programs = new NodePrograms([node.Of("bin")], TimeProvider.System, node.Of("bin/systemd-run"));

        var podman = await programs.RunAsync(NodeCommand.InQm("ls", "/dev"), TestContext.Current.CancellationToken);
        var journal = await programs.RunAsync(new("journalctl", "-k"), TestContext.Current.CancellationToken);

        Assert.EndsWith($"--property=RuntimeMaxSec=10 -- {node.Of("bin/podman")} exec qm ls /dev\n", podman.Output);
        Assert.Equal("direct -k\n", journal.Output);
    }

    [Fact]
    public void Command_AsText_CanBeTyped() =>
        Assert.Equal("podman exec qm sh -c 'test -r /sys && test ! -w /sys'", NodeCommand.InQm("sh", "-c", "test -r /sys && test ! -w /sys").ToString());

    private static async Task UntilAsync(Func<bool> holds)
    {
        while (!holds())
        {
            TestContext.Current.CancellationToken.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }

    private static Task<ProgramResult> RunAsync(string script, CancellationToken cancellationToken, int outputBytesMax = 1024) =>
        ProgramRunner.RunAsync(new("/bin/sh", ["-c", script], Long, outputBytesMax), TimeProvider.System, cancellationToken);
}
