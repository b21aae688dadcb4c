using Qm.Fleet.Controller.Gateway;

namespace Qm.Fleet.Controller.Tests.Gateway;

[Trait("Requirement", "QMF-AGENT-005")]
public sealed class UsageBookTests
{
    [Fact]
    public void Merge_QmGoneAndBack_IsForgottenAndTakenAnew()
    {
        var book = new UsageBook();
        book.Merge(new() { Qm = new() { Unit = "qm.service", MemoryCurrent = 1 } });
        Assert.Null(book.Merge(new() { Gone = { "qm.service" } }).Qm);
        Assert.Equal(2, book.Merge(new() { Qm = new() { Unit = "qm.service", MemoryCurrent = 2 } }).Qm.MemoryCurrent);
    }

    // An agent that never lets a unit go must not fill the controller's memory.
    [Fact]
    public void Merge_MoreContainersThanAreKept_CountsTheRest()
    {
        var book = new UsageBook();
        var usage = book.Merge(new() { Nested = { Enumerable.Range(0, UsageBook.MaxContainers + 3).Select(static i => new V1.CgroupUsage { Unit = $"u{i}.service" }) } });
        Assert.Equal((UsageBook.MaxContainers, 3), (usage.Nested.Count, usage.LeftOut));
        Assert.Equal(9, book.Merge(new() { Nested = { new V1.CgroupUsage { Unit = "u0.service", MemoryCurrent = 9 } } }).Nested.Single(static container => container.Unit == "u0.service").MemoryCurrent);
    }
}
