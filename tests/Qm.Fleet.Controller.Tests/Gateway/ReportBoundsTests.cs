using Qm.Fleet.Controller.Gateway;

namespace Qm.Fleet.Controller.Tests.Gateway;

[Trait("Requirement", "QMF-LIMIT-005")]
public sealed class ReportBoundsTests
{
    private const int Many = 5_000;

    [Fact]
    public void Fit_ListsAndMapsWithoutEnd_AreCutAndItIsSaid()
    {
        var report = new V1.NodeReport
        {
            Oom = new() { Nested = { Enumerable.Range(0, Many).Select(static unit => new V1.UnitOom { Pid = unit }) } },
            Machine = new(),
            RetiredWorkloads = { Enumerable.Repeat("w", Many) },
        };
        for (var number = 0; number < Many; number++)
        {
            report.Effective[$"k{number}"] = "";
            report.Machine.Disks[$"/d{number}"] = "";
        }

        ReportBounds.Fit(report);

        Assert.All(
            [report.Oom.Nested.Count, report.Effective.Count, report.Machine.Disks.Count, report.RetiredWorkloads.Count],
            static count => Assert.Equal(ReportBounds.MostEntries, count));
        Assert.Equal(Enumerable.Range(0, ReportBounds.MostEntries), report.Oom.Nested.Select(static process => process.Pid));
        Assert.Equal("16000 entries were left out, because no list of a report is longer than 1000.", Assert.Single(report.Problems));
    }

    // Every list that a report has or will have is bounded: nobody has to remember it.
    [Fact]
    public void Fit_WhatAnAgentTells_IsAsItWas()
    {
        var report = new V1.NodeReport
        {
            Revision = "9f3a61c2",
            Files = { new V1.FileState { Path = "/etc/qm" } },
            Oom = new() { Host = 0, Nested = { new V1.UnitOom { Unit = "radio.service", Score = 750 } } },
            Checks = new() { Results = { new V1.CheckResult { Id = "mqueue" } } },
            Cgroup = { { "memory.max", "max" } },
        };
        var told = report.Clone();

        ReportBounds.Fit(report);

        Assert.Equal(told, report);
    }

    // Two hundred containers of a MiB each would be kept, and shown to whoever lists nodes.
    [Fact]
    public void Fit_UsageOfACgroupThatIsTooLarge_IsCountedOnly()
    {
        var usage = new V1.Usage
        {
            Qm = new() { Unit = "qm.service", Cgroup = new('x', ReportBounds.MostBytesOfUsage) },
            Nested = { new V1.CgroupUsage { Unit = "radio.service", MemoryCurrent = 5 }, new V1.CgroupUsage { Unit = new('u', ReportBounds.MostBytesOfUsage) } },
            LeftOut = 1,
            Problems = { Enumerable.Repeat(new string('p', 4096), 30) },
        };

        ReportBounds.Fit(usage);

        Assert.Null(usage.Qm);
        Assert.Equal(("radio.service", 3), (Assert.Single(usage.Nested).Unit, usage.LeftOut));
        Assert.Equal((ReportBounds.MostUsageProblems, ReportBounds.MostCharacters), (usage.Problems.Count, usage.Problems[0].Length));
    }

    [Fact]
    public void Fit_MoreKillsThanOneMessageHas_AreNotTaken()
    {
        var kills = new V1.OomKills { Kills = { Enumerable.Range(0, Many).Select(static number => new V1.OomKill { Record = $"kmsg:{number}" }) } };

        ReportBounds.Fit(kills);

        Assert.Equal(ReportBounds.MostKills, kills.Kills.Count);
    }

    [Fact]
    public void Merge_ProbesOfUnitsWithNamesWithoutEnd_AreDropped()
    {
        var book = new ProbeBook();
        book.Merge(new() { Complete = true, Results = { new V1.ProbeResult { Unit = "radio.service" }, new V1.ProbeResult { Unit = new('u', ReportBounds.MostCharacters + 1) } } });
        Assert.Equal(["radio.service"], book.Readings.Keys);
    }
}
