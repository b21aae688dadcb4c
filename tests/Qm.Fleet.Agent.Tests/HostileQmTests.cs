using System.Globalization;
using Qm.Fleet.Agent.Effective;
using Qm.Fleet.Agent.Evidence;
using Qm.Fleet.Agent.Files;
using Qm.Fleet.Agent.OutOfMemory;
using Qm.Fleet.Agent.Tests.Checks;
using Qm.Fleet.Agent.Usage;

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

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Cgroups_WithoutMeasure_CostNoMoreThanTheMostAndAreCounted(bool isCounted)
    {
        using var node = GoldenNode.Make();
        for (var number = 0; number < 20_000; number++)
        {
            Directory.CreateDirectory(node.Of($"{EmulatedNode.Payload}/system.slice/zz{number:d6}.service"));
        }

        var leftOut = $"; at least {1 + Directory.GetDirectories(node.Of(EmulatedNode.Payload), "*", SearchOption.AllDirectories).Length - Findings.CgroupsMax} are left out";
        if (isCounted)
        {
            // What the kernel counts is more: most are below those that are not looked at.
            leftOut = $"; {100_008 - Findings.CgroupsMax} are left out";
            node.Write($"{EmulatedNode.Payload}/cgroup.stat", "nr_descendants 100007\nnr_dying_descendants 1\n");
        }

        var calls = new FaultySystemCalls();
        using var agent = node.Open(calls);
        using var root = NodeRoot.Open(node.Root, calls);
        var report = agent.Reporter.Read();
        var usage = new UsageReader(root).Read();
        var counters = new OomCounterReader(root).Read();

        Assert.All([report.Problems, usage.Problems], problems => Assert.Contains(problems, problem => problem.Contains(leftOut, StringComparison.Ordinal)));
        Assert.Equal(500, report.Oom.Qm);
        Assert.Contains(usage.Nested, container => container.Unit == "radio.service");
        Assert.NotNull(counters);
        Assert.InRange(calls.Opened.Count, 1, 2 * Findings.CgroupsMax);
    }

    [Fact]
    public void Cgroups_DeeperThanAnyIsLookedAt_AreCounted()
    {
        using var node = GoldenNode.Make();
        Directory.CreateDirectory(node.Of($"{EmulatedNode.Payload}/1/2/3/4/5/6/7/8"));
        using var agent = node.Open();
        Assert.DoesNotContain(agent.Reporter.Read().Problems, problem => problem.Contains("left out", StringComparison.Ordinal));

        node.Process(9000, $"{EmulatedNode.Payload}/1/2/3/4/5/6/7/8/9", 0);
        Assert.Contains(agent.Reporter.Read().Problems, problem => problem.Contains("at least 1 are left out", StringComparison.Ordinal));
    }

    // Each the parent of the next, in the one cgroup where ancestors are asked for.
    [Theory]
    [InlineData("init.scope")]
    [InlineData("system.slice/radio.service/libpod-payload-aa")]
    public void Processes_WithoutMeasure_CostNoMoreThanTheMostAndAreCounted(string cgroup)
    {
        const int Many = 6000;
        using var node = GoldenNode.Make();
        var first = Processes(node);
        for (var number = 0; number < Many; number++)
        {
            node.Write($"proc/{20_000 + number}/oom_score_adj", "7\n");
            node.Write($"proc/{20_000 + number}/status", $"PPid:\t{(number == Many - 1 ? 492 : 20_001 + number)}\nNSpid:\t{20_000 + number}\t{number + 100}\n");
        }

        File.AppendAllLines(node.Of($"{EmulatedNode.Payload}/{cgroup}/cgroup.procs"), Enumerable.Range(20_000, Many).Select(pid => pid.ToString(CultureInfo.InvariantCulture)));
        var calls = new FaultySystemCalls();
        using var agent = node.Open(calls);
        var report = agent.Reporter.Read();

        Assert.Equal((492, 500), (report.Oom.QmInitPid, report.Oom.Qm));
        Assert.Contains(report.Problems, problem => problem.StartsWith($"QM has more processes than the {OomEvidence.ProcessesMax}", StringComparison.Ordinal)
            && problem.Contains($"; {first + Many - OomEvidence.ProcessesMax} are left out", StringComparison.Ordinal));
        Assert.InRange(calls.Opened.Count, 1, OomEvidence.ProcessesMax + 3000);

        static int Processes(EmulatedNode node) =>
            Directory.GetFiles(node.Of(EmulatedNode.Payload), "cgroup.procs", SearchOption.AllDirectories).Sum(file => File.ReadLines(file).Count(line => line.Length > 0));
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
