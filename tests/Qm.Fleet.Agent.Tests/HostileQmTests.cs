using System.Globalization;
using Qm.Fleet.Agent.Effective;
using Qm.Fleet.Agent.Evidence;
using Qm.Fleet.Agent.Files;
using Qm.Fleet.Agent.Tests.Checks;

namespace Qm.Fleet.Agent.Tests;

/// <summary>What runs in QM writes its own files, as large and as many as it likes; an agent with 128 MB of memory looks at them all the same.</summary>
[Trait("Requirement", "QMF-LIMIT-005")]
public sealed class HostileQmTests
{
    private const long Bearable = 64L << 20;

    [Theory]
    [InlineData("etc/qm/containers/systemd/radio.container", 1, 50 << 20)]
    [InlineData("etc/qm/containers/systemd/made{0}.container", 300, 200 << 10)]
    [InlineData("etc/qm/containers/systemd/made{0}.container", 1000, 1)]
    [InlineData("etc/qm/containers/containers.conf.d/{0}.conf", 300, 200 << 10)]
    [InlineData("etc/qm/containers/containers.conf.d/{0}.conf", 1000, 1)]
    [InlineData("etc/qm/bluechi/agent.conf.d/{0}.conf", 300, 200 << 10)]
    [InlineData("etc/qm/containers/containers.conf.d/50-qm-fleet.conf", 1, 50 << 20)]
    public async Task Report_FilesOfQmWithoutMeasure_IsAReportInLittleMemory(string path, int count, int bytes)
    {
        using var node = GoldenNode.Make();
        using var agent = node.Open();
        await agent.Revisions.CommitAsync(Sample.New);
        for (var number = 0; number < count; number++)
        {
            var name = string.Format(CultureInfo.InvariantCulture, path, number);
            node.Write(name, "# made\n");
            using var file = File.OpenWrite(node.Of(name));
            file.SetLength(bytes);
        }

        using var root = NodeRoot.Open(node.Root);
        var reporter = new NodeReporter(root, agent.Revisions, new Agent.Checks.StaticChecks(node.Time));
        // The first look makes what every later one uses.
        _ = reporter.Read();
        node.Write("sys/fs/selinux/enforce", "0");
        node.Time.Advance(Agent.Checks.StaticChecks.Interval);
        var before = GC.GetAllocatedBytesForCurrentThread();
        var report = reporter.Read();
        _ = new EffectiveReader(root).Read(new HashSet<string>());

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, Bearable);
        Assert.Equal(500, report.Oom.Qm);
        Assert.NotEmpty(report.Checks.Results);
    }

    // A link in QM leads to nothing of the host, be it to find out who sets a score.
    [Fact]
    [Trait("Requirement", "QMF-AGENT-009")]
    public void Report_LinkPlantedInQm_IsNotFollowedForTheSourceOfAScore()
    {
        using var node = GoldenNode.Make();
        node.Write("etc/secret.container", "[Container]\nPodmanArgs=--oom-score-adj=123\n");
        File.CreateSymbolicLink(node.Of("etc/qm/containers/systemd/radio.container"), "../../../secret.container");
        using var agent = node.Open();

        Assert.DoesNotContain(agent.Reporter.Read().Oom.Sources, source => source.Score == 123);
    }
}
