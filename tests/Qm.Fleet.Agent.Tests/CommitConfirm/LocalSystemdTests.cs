using Microsoft.Extensions.Time.Testing;
using Qm.Fleet.Agent.CommitConfirm;
using Qm.Fleet.Agent.Revisions;

namespace Qm.Fleet.Agent.Tests.CommitConfirm;

public sealed class LocalSystemdTests : IDisposable
{
    private readonly DirectoryInfo _programs = Directory.CreateTempSubdirectory("qm-fleet-programs-");
    private readonly FakeTimeProvider _time = new();

    public void Dispose() => _programs.Delete(recursive: true);

    [Fact]
    public async Task Restart_OfEither_AsksSystemdInItsWords()
    {
        Program("systemctl", "echo \"$0 $*\" >> \"$(dirname \"$0\")/asked\"");
        Program("systemd-run", "echo \"$0 $*\" >> \"$(dirname \"$0\")/asked\"");
        var systemd = new LocalSystemd(_programs.FullName, _time);

        await systemd.RestartHostAgentAsync(TestContext.Current.CancellationToken);
        await systemd.RestartQmAgentAsync(TestContext.Current.CancellationToken);

        Assert.Equal(
            [
                $"{_programs.FullName}/systemctl restart bluechi-agent.service",
                $"{_programs.FullName}/systemd-run --quiet --wait --collect podman exec qm systemctl restart bluechi-agent.service",
            ],
            await File.ReadAllLinesAsync($"{_programs.FullName}/asked", TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData("echo Unit not found. >&2; exit 5", "ended with 5: Unit not found.")]
    [InlineData("exit 1", "ended with 1: it gave no reason")]
    [InlineData(null, "failed: ")]
    [Trait("Requirement", "QMF-AGENT-004")]
    public async Task Restart_RefusedBySystemd_IsToldInItsWords(string? script, string expected)
    {
        if (script is not null)
        {
            Program("systemctl", script);
        }

        var refusal = await Assert.ThrowsAsync<CommandRefusedException>(
            () => new LocalSystemd(_programs.FullName, _time).RestartHostAgentAsync(TestContext.Current.CancellationToken));

        Assert.Equal("RestartFailed", refusal.Reason);
        Assert.Contains($"systemctl restart bluechi-agent.service {expected}", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Restart_ThatDoesNotEnd_IsGivenUp()
    {
        Program("systemctl", "exec sleep 600");
        var restart = new LocalSystemd(_programs.FullName, _time).RestartHostAgentAsync(TestContext.Current.CancellationToken);
        _time.Advance(TimeSpan.FromMinutes(1));

        Assert.Contains("did not end within 45 s", (await Assert.ThrowsAsync<CommandRefusedException>(() => restart)).Message, StringComparison.Ordinal);
    }

    private void Program(string name, string script)
    {
        var path = Path.Combine(_programs.FullName, name);
        File.WriteAllText(path, $"#!/bin/sh\n{script}\n");
        StandIn.MakeExecutable(path);
    }
}
