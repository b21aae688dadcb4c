using Microsoft.Extensions.Time.Testing;
using Qm.Fleet.Agent.Link;
using Qm.Fleet.V1;

namespace Qm.Fleet.Agent.Tests;

[Trait("Requirement", "QMF-AGENT-005")]
public sealed class OutboxTests
{
    [Fact]
    public async Task Take_FactsAndChecks_AreToldOnceAndWhenTheyChanged()
    {
        using var outbox = new Outbox();
        var report = new NodeReport { Facts = new() { Kernel = "6.12" }, Checks = new() { Results = { new CheckResult { Id = "mqueue" } } } };
        Assert.Equal((true, true), await TakeAsync(outbox, report));
        Assert.Equal((false, false), await TakeAsync(outbox, report.Clone()));
        Assert.Equal((true, false), await TakeAsync(outbox, new(report) { Facts = new() { Kernel = "6.13" } }));
        Assert.Equal((false, true), await TakeAsync(outbox, new(report) { Facts = new() { Kernel = "6.13" }, Checks = new() }));
    }

    [Fact]
    public async Task Take_EverythingAtOnce_IsInOrderAndTheNewestOnly()
    {
        using var outbox = new Outbox();
        outbox.Beat(new() { LookedMsAgo = 1 });
        outbox.Beat(new() { LookedMsAgo = 2 });
        outbox.Report(new V1.Usage { Qm = new() { Unit = "qm.service", MemoryCurrent = 1 } });
        outbox.Report(new V1.Usage { Qm = new() { Unit = "qm.service", MemoryCurrent = 2 } });
        outbox.TryAnswer(new() { Id = "c1" }, new() { Revision = "r1" });
        var messages = await outbox.TakeAsync(TestContext.Current.CancellationToken);

        Assert.Equal(
            [AgentMessage.BodyOneofCase.Report, AgentMessage.BodyOneofCase.Result, AgentMessage.BodyOneofCase.Usage, AgentMessage.BodyOneofCase.Heartbeat],
            messages.Select(message => message.BodyCase));
        Assert.Equal((2L, 2L), (messages[2].Usage.Qm.MemoryCurrent, messages[3].Heartbeat.LookedMsAgo));
    }

    // Whatever QM does to have it speak, an agent says what changed so often and no more, and as it is then.
    [Fact]
    [Trait("Requirement", "QMF-LIMIT-004")]
    public async Task Rest_WhatChangesMeanwhile_IsTakenOnceAndWhatIsWaitedForAtOnce()
    {
        var (time, ct) = (new FakeTimeProvider(), TestContext.Current.CancellationToken);
        var spacing = TimeSpan.FromMilliseconds(250);
        using var outbox = new Outbox();
        outbox.Report(new NodeReport { Revision = "r0" });
        Assert.Single(await outbox.TakeAsync(ct));

        var rest = outbox.RestAsync(spacing, time, ct);
        for (var change = 1; change <= 100; change++)
        {
            outbox.Report(new NodeReport { Revision = $"r{change}" });
        }

        Assert.False(rest.IsCompleted);
        time.Advance(spacing);
        await rest;
        Assert.Equal("r100", Assert.Single(await outbox.TakeAsync(ct)).Report.Revision);

        rest = outbox.RestAsync(spacing, time, ct);
        outbox.TryAnswer(new() { Id = "c1" }, new() { Revision = "r101" });
        await rest;
        Assert.Equal(["r101", "c1"], (await outbox.TakeAsync(ct)).Select(message => message.Report?.Revision ?? message.Result.Id));
    }

    [Fact]
    public async Task Take_UsageAsTold_IsLeftOut()
    {
        using var outbox = new Outbox();
        var usage = new V1.Usage { Qm = new() { Unit = "qm.service", MemoryCurrent = 1 } };
        outbox.Report(usage);
        Assert.Single(await outbox.TakeAsync(TestContext.Current.CancellationToken));
        outbox.Report(usage.Clone());
        Assert.Empty(await outbox.TakeAsync(TestContext.Current.CancellationToken));
    }

    private static async Task<(bool Facts, bool Checks)> TakeAsync(Outbox outbox, NodeReport report)
    {
        outbox.Report(report);
        var told = Assert.Single(await outbox.TakeAsync(TestContext.Current.CancellationToken)).Report;
        return (told.Facts is not null, told.Checks is not null);
    }
}
