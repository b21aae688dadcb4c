using Qm.Fleet.Agent.Usage;
using Qm.Fleet.V1;

namespace Qm.Fleet.Agent.Tests.Usage;

[Trait("Requirement", "QMF-AGENT-005")]
public sealed class UsageChangesTests
{
    [Fact]
    public void Take_First_IsAll()
    {
        var news = new UsageChanges().Take(Usage(100, ("radio.service", 1), ("maps.service", 2)));
        Assert.Equal((100L, 2), (news!.Qm.MemoryCurrent, news.Nested.Count));
    }

    [Fact]
    public void Take_NothingChanged_IsNothing()
    {
        var changes = new UsageChanges();
        changes.Take(Usage(100, ("radio.service", 1)));
        Assert.Null(changes.Take(Usage(100, ("radio.service", 1))));
    }

    [Fact]
    public void Take_OneChanged_IsThatOne()
    {
        var changes = new UsageChanges();
        changes.Take(Usage(100, ("radio.service", 1), ("maps.service", 2)));
        var news = changes.Take(Usage(100, ("radio.service", 7), ("maps.service", 2)));

        Assert.Null(news!.Qm);
        Assert.Equal([("radio.service", 7L)], news.Nested.Select(container => (container.Unit, container.MemoryCurrent)));
    }

    [Fact]
    public void Take_ContainersThatEnded_AreGoneOnce()
    {
        var changes = new UsageChanges();
        changes.Take(Usage(100, ("radio.service", 1), ("maps.service", 2)));
        Assert.Equal(["maps.service", "radio.service"], changes.Take(Usage(100))!.Gone);
        Assert.Null(changes.Take(Usage(100)));
    }

    [Fact]
    public void Take_QmEnded_IsGone()
    {
        var changes = new UsageChanges();
        changes.Take(Usage(100));
        Assert.Equal(["qm.service"], changes.Take(new V1.Usage())!.Gone);
    }

    [Fact]
    public void Take_ProblemThatCameAndWent_IsToldBothTimes()
    {
        var changes = new UsageChanges();
        changes.Take(Usage(100));
        var broken = Usage(100);
        broken.Problems.Add("memory.current cannot be read.");
        Assert.Single(changes.Take(broken)!.Problems);
        Assert.Empty(changes.Take(Usage(100))!.Problems);
    }

    private static V1.Usage Usage(long qm, params (string Unit, long Memory)[] nested) => new()
    {
        Qm = new CgroupUsage { Unit = "qm.service", MemoryCurrent = qm },
        Nested = { nested.Select(container => new CgroupUsage { Unit = container.Unit, MemoryCurrent = container.Memory }) },
    };
}
