using Microsoft.Extensions.Time.Testing;
using Qm.Fleet.Controller.Gateway;

namespace Qm.Fleet.Controller.Tests.Gateway;

public sealed class AgentLinkTests : IDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);
    private static readonly V1.Command Inspect = new() { Inspect = new V1.Inspect() };

    private readonly FakeTimeProvider _time = new();
    private readonly List<V1.Command> _sent = [];
    private readonly SemaphoreSlim _sentOne = new(0);
    private readonly AgentLink _link;

    public AgentLinkTests() => _link = new AgentLink(
        "ecu1", "boot-1",
        (message, _) =>
        {
            _sent.Add(message.Command);
            _sentOne.Release();
            return Task.CompletedTask;
        },
        _time);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact, Trait("Requirement", "QMF-GATEWAY-002")]
    public async Task Send_DeadlinePasses_OutcomeIsUnknownAndTheLinkGoesOn()
    {
        var slow = _link.SendAsync(Inspect, Deadline, Ct);
        _time.Advance(Deadline);
        var error = await Assert.ThrowsAsync<OutcomeUnknownException>(() => slow);
        Assert.Contains("no result within 10 s", error.Message, StringComparison.Ordinal);

        Assert.False(_link.Complete(new V1.CommandResult { Id = _sent[0].Id }));
        var next = _link.SendAsync(Inspect, Deadline, Ct);
        Assert.True(_link.Complete(new V1.CommandResult { Id = _sent[1].Id, Ok = true }));
        Assert.True((await next).Ok);
    }

    [Fact]
    public async Task Send_TurnNeverComes_NothingWasSent()
    {
        var first = _link.SendAsync(Inspect, Deadline * 2, Ct);
        var second = _link.SendAsync(Inspect, Deadline, Ct);
        _time.Advance(Deadline);

        var error = await Assert.ThrowsAsync<AgentUnreachableException>(() => second);

        Assert.IsNotType<OutcomeUnknownException>(error);
        Assert.Single(_sent);
        _link.Complete(new V1.CommandResult { Id = _sent[0].Id });
        await first;
    }

    [Fact]
    public async Task Send_TooManyWait_IsRefusedAtOnce()
    {
        var first = _link.SendAsync(Inspect, Deadline, Ct);
        var waiting = Enumerable.Range(0, AgentLink.MaxWaitingCommands).Select(_ => _link.SendAsync(Inspect, Deadline, Ct)).ToList();

        await Assert.ThrowsAsync<AgentUnreachableException>(() => _link.SendAsync(Inspect, Deadline, Ct));

        _link.Close("the test ends");
        await Assert.ThrowsAsync<OutcomeUnknownException>(() => first);
        foreach (var turn in waiting)
        {
            Assert.Contains("the test ends", (await Assert.ThrowsAsync<AgentUnreachableException>(() => turn)).Message, StringComparison.Ordinal);
        }
        Assert.Single(_sent);
    }

    [Fact]
    public async Task Send_CallerGivesUp_IsCancelledAndTheTurnPassesOn()
    {
        using var giveUp = new CancellationTokenSource();
        var first = _link.SendAsync(Inspect, Deadline, giveUp.Token);
        var second = _link.SendAsync(Inspect, Deadline, Ct);

        await giveUp.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        Assert.True(await _sentOne.WaitAsync(RunningController.Deadline, Ct) && await _sentOne.WaitAsync(RunningController.Deadline, Ct));
        _link.Complete(new V1.CommandResult { Id = _sent[1].Id });
        await second;
    }

    [Fact, Trait("Requirement", "QMF-GATEWAY-002")]
    public async Task Send_WriteFails_OutcomeIsUnknownAndTheLinkIsClosed()
    {
        using var broken = new AgentLink("ecu1", "boot-1", static (_, _) => Task.FromException(new IOException("reset")), _time);

        await Assert.ThrowsAsync<OutcomeUnknownException>(() => broken.SendAsync(Inspect, Deadline, Ct));

        Assert.True(broken.Closed.IsCancellationRequested);
        Assert.Contains("reset", broken.ClosedBecause, StringComparison.Ordinal);
    }

    public void Dispose()
    {
        _link.Dispose();
        _sentOne.Dispose();
    }
}
