using Microsoft.Extensions.Time.Testing;
using Qm.Fleet.Agent.Facts;
using Qm.Fleet.Agent.Processes;

namespace Qm.Fleet.Agent.Tests.Facts;

[Trait("Requirement", "QMF-AGENT-006")]
public sealed class ProgramVersionsTests : IDisposable
{
    private readonly EmulatedNode _node = new();

    public void Dispose() => _node.Dispose();

    [Theory(Timeout = 60_000)]
    [InlineData("systemctl", "systemd 257 (257.13-1.el10)\n+PAM +AUDIT", "257 (257.13-1.el10)")]
    [InlineData("podman", "podman version 5.4.2", "5.4.2")]
    [InlineData("bluechi-agent", "1.3.0-0.202611230816", "1.3.0-0.202611230816")]
    [InlineData("bluechi-agent", "bluechi-agent 1.3.0", "1.3.0")]
    public async Task Refresh_ProgramsOwnWords_AreReducedToTheVersion(string program, string output, string version)
    {
        Tool(program, $"echo '{output}'");
        var versions = Versions(TimeProvider.System);
        await versions.RefreshAsync(TestContext.Current.CancellationToken);

        Assert.Equal((version, ""), (versions[program]!.Version, versions[program]!.Unknown));
    }

    [Fact(Timeout = 60_000)]
    public async Task Refresh_SameFile_IsAskedOnceAndAnotherInItsPlaceAgain()
    {
        Tool("podman", $"echo x >>{_node.Of("asked")}; echo podman version 5.4.2");
        var versions = Versions(TimeProvider.System);
        await versions.RefreshAsync(TestContext.Current.CancellationToken);
        await versions.RefreshAsync(TestContext.Current.CancellationToken);
        Assert.Equal("x\n", await File.ReadAllTextAsync(_node.Of("asked"), TestContext.Current.CancellationToken));

        // As a package manager does: written beside with the times of the package, then renamed over.
        Tool("podman.new", $"echo x >>{_node.Of("asked")}; echo podman version 5.5.0");
        File.SetLastWriteTimeUtc(_node.Of("bin/podman.new"), File.GetLastWriteTimeUtc(_node.Of("bin/podman")));
        File.Move(_node.Of("bin/podman.new"), _node.Of("bin/podman"), overwrite: true);
        await versions.RefreshAsync(TestContext.Current.CancellationToken);
        Assert.Equal("5.5.0", versions["podman"]!.Version);
    }

    [Theory(Timeout = 60_000)]
    [InlineData("exit 3", "exit code 3")]
    [InlineData("true", "said nothing")]
    public async Task Refresh_ProgramThatDoesNotSay_IsUnknownWithTheReason(string script, string reason)
    {
        Tool("podman", script);
        var versions = Versions(TimeProvider.System);
        await versions.RefreshAsync(TestContext.Current.CancellationToken);

        Assert.Equal("", versions["podman"]!.Version);
        Assert.Contains(reason, versions["podman"]!.Unknown);
        Assert.Contains("not installed", versions["systemctl"]!.Unknown);
    }

    [Fact(Timeout = 60_000)]
    public async Task Refresh_ProgramThatHangs_EndsAtItsDeadlineAndIsAskedAgain()
    {
        var time = new FakeTimeProvider();
        Tool("podman", $"mkfifo {_node.Of("ready")} && echo >{_node.Of("ready")}; exec sleep 600");
        var versions = Versions(time);
        var refresh = versions.RefreshAsync(TestContext.Current.CancellationToken);
        while (!File.Exists(_node.Of("ready")))
        {
            await Task.Yield();
            TestContext.Current.CancellationToken.ThrowIfCancellationRequested();
        }

        await File.ReadAllTextAsync(_node.Of("ready"), TestContext.Current.CancellationToken);
        time.Advance(TimeSpan.FromSeconds(5));
        await refresh;
        Assert.Contains("did not end", versions["podman"]!.Unknown);

        Tool("podman", "echo podman version 5.4.2");
        await versions.RefreshAsync(TestContext.Current.CancellationToken);
        Assert.Equal("5.4.2", versions["podman"]!.Version);
    }

    private ProgramVersions Versions(TimeProvider time) => new(new NodePrograms([_node.Of("bin")], time), time);

    private void Tool(string name, string script)
    {
        if (File.Exists(_node.Of($"bin/{name}")))
        {
            File.Delete(_node.Of($"bin/{name}"));
        }

        _node.Write($"bin/{name}", $"#!/bin/sh\n{script}\n");
        _node.MakeExecutable($"bin/{name}");
    }
}
