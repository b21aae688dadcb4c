using Qm.Fleet.Lab.Processes;
using Xunit;

namespace Qm.Fleet.Lab.Tests.Processes;

[Trait("Requirement", "QMF-LAB-003")]
public sealed class NothingLeftBehindTests
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public void LabDirectory_Disposed_IsGone()
    {
        var directory = LabDirectory.Create(keep: null);
        File.WriteAllText(Path.Combine(directory.Nodes, "file"), "content");
        directory.Dispose();
        Assert.False(Directory.Exists(directory.Root));
    }

    [Fact]
    public void LabDirectory_OfALabThatWasKilled_IsRemovedByTheNext()
    {
        var abandoned = Directory.CreateDirectory(Path.Combine(LabDirectory.Parent, "qmfleet-lab-abandoned-by-a-test")).FullName;
        File.WriteAllText(Path.Combine(abandoned, "lock"), "");
        using var alive = LabDirectory.Create(keep: null);
        using var next = LabDirectory.Create(keep: null);
        Assert.False(Directory.Exists(abandoned));
        Assert.True(Directory.Exists(alive.Root));
    }

    [Fact]
    public void LabDirectory_Kept_StaysAndMustBeNew()
    {
        var kept = Directory.CreateTempSubdirectory("qmfleet-kept-").FullName;
        LabDirectory.Create(kept).Dispose();
        Assert.True(Directory.Exists(Path.Combine(kept, "nodes")));
        Assert.Contains("is not empty", Assert.Throws<LabException>(() => LabDirectory.Create(kept)).Message, StringComparison.Ordinal);
        Directory.Delete(kept, recursive: true);
    }

    [Fact]
    public async Task ChildProcess_Disposed_IsGoneEvenWhenItIgnoresSigterm()
    {
        using var launcher = new ProcessLauncher();
        using var directory = LabDirectory.Create(keep: null);
        var child = await ChildProcess.StartAsync(launcher, "deaf", ["sh", "-c", "trap '' TERM; echo up; while :; do sleep 1; done"], directory.Logs, awaitedPrefix: "up");
        await child.LineAsync(Deadline, TimeProvider.System, Cancellation);
        var pid = child.Id;
        await child.DisposeAsync();
        Assert.False(Directory.Exists($"/proc/{pid}"));
    }

    [Fact]
    public async Task ChildProcess_WhenTheThreadThatForkedItIsGone_IsKilledByTheKernel()
    {
        using var directory = LabDirectory.Create(keep: null);
        var launcher = new ProcessLauncher();
        Assert.SkipUnless(launcher.ChildrenDieWithTheLab, "setpriv of util-linux is not installed");
        await using var child = await ChildProcess.StartAsync(launcher, "sleeper", ["sh", "-c", "echo up; exec sleep 1000"], directory.Logs, awaitedPrefix: "up");
        await child.LineAsync(Deadline, TimeProvider.System, Cancellation);
        launcher.Dispose();
        Assert.Equal(128 + 9, await child.WaitAsync(Cancellation).WaitAsync(Deadline, Cancellation));
    }

    [Fact]
    public async Task ChildProcess_ThatEndsBeforeItIsReady_SaysItsLastWords()
    {
        using var launcher = new ProcessLauncher();
        using var directory = LabDirectory.Create(keep: null);
        await using var child = await ChildProcess.StartAsync(launcher, "short", ["sh", "-c", "echo no such state folder >&2; exit 3"], directory.Logs, awaitedPrefix: "ready ");
        var error = await Assert.ThrowsAsync<LabException>(() => child.LineAsync(Deadline, TimeProvider.System, Cancellation));
        Assert.Equal("short ended before it was ready; its last words: no such state folder", error.Message);
    }
}
