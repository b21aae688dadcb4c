using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Time.Testing;
using Qm.Fleet.Controller.Gateway;
using Qm.Fleet.Controller.Security.Limits;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Controller.Tests.Gateway;
using Qm.Fleet.Core.Limits;
using RetryInfo = Google.Rpc.RetryInfo;

namespace Qm.Fleet.Controller.Tests.Attacks;

/// <summary>An agent that says more than it may is read at its pace, and cut off in the end; the others are heard.</summary>
[Trait("Requirement", "QMF-LIMIT-004")]
public sealed class ReportFloodTests
{
    private const int ReportBytes = 32 * 1024;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    [Trait("Requirement", "QMF-LIMIT-001")]
    public async Task Reports_TooManyOfOneNode_AreReadAtItsPaceAndOthersAreHeard()
    {
        await using var controller = await RunningController.StartAsync(adjust: static options => options.Limits = new() { MessagesPerNode = 5 });
        var links = controller.Service<IAgentLinks>();
        using var flooder = await Agent.ConnectAsync(controller);
        using var honest = await Agent.ConnectAsync(controller, "ecu2");
        for (var report = 0; report < 100; report++)
        {
            await flooder.ReportAsync($"r{report}");
        }
        var heard = new Signal(links, "ecu2");

        await honest.ReportAsync("9f3a61c2");

        await heard.UntilAsync(() => links.LastReport("ecu2") is { Report.Revision: "9f3a61c2" });
        Assert.NotEqual("r99", links.LastReport("ecu1")?.Report.Revision);
        Assert.True(links.IsConnected("ecu1"));
        Assert.Equal("node:ecu1", (await Witness.ToldAsync(controller, LimitNames.Messages)).Actor);
    }

    // What the controller does not read, its sender cannot send: it is held up at its own end, and has the last of it to say then.
    [Fact]
    public async Task Reports_WithoutEnd_AreHeldUpAtTheSenderAndItsLastStateArrives()
    {
        await using var controller = await RunningController.StartAsync(adjust: static options => options.Limits = new() { ReportsPerNode = 5 });
        var links = controller.Service<IAgentLinks>();
        using var flooder = await Agent.ConnectAsync(controller);
        var (read, sent, most, state, end) = (0, 0, 0, 0, false);
        links.Changed += _ => Interlocked.Increment(ref read);
        var padding = new string('x', ReportBytes);
        var flood = Task.Run(
            async () =>
            {
                while (!Volatile.Read(ref end))
                {
                    await flooder.ReportAsync($"{Volatile.Read(ref state)} {padding}");
                    most = Math.Max(most, Interlocked.Increment(ref sent) - Volatile.Read(ref read));
                }
                await flooder.ReportAsync("last");
            },
            Ct);
        while (Volatile.Read(ref read) < 25)
        {
            Interlocked.Increment(ref state);
            await Task.Delay(TimeSpan.FromMilliseconds(1), Ct);
            Assert.False(flood.IsFaulted);
        }
        Volatile.Write(ref end, true);

        await UntilAsync(() => links.LastReport("ecu1")?.Report.Revision == "last");

        await flood;
        // So many fit into the window of a stream, and one is on its way out of either end.
        Assert.InRange(most, 1, (ServerLimits.StreamWindowBytes / ReportBytes) + 4);
        Assert.True(sent < state);
        Assert.Equal("node:ecu1", (await Witness.ToldAsync(controller, LimitNames.Reports)).Actor);
    }

    [Fact]
    public async Task Commands_OfAnAgentThatReportsTooMuch_AreAnsweredAsTheyCome()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var controller = await RunningController.StartAsync(
            services => services.Replace(ServiceDescriptor.Singleton<TimeProvider>(time)), static options => options.Limits = new() { ReportsPerNode = 1, MessagesPerNode = 1000 });
        var links = controller.Service<IAgentLinks>();
        using var agent = await Agent.ConnectAsync(controller);
        // It owes nothing yet, and each command makes for a report and an answer: no time has to pass for them.
        for (var number = 0; number < 40; number++)
        {
            var result = links.SendAsync("ecu1", new V1.Command { Inspect = new() }, RunningController.Deadline, Ct);
            var command = (await agent.ReceiveAsync()).Command;
            await agent.ReportAsync($"r{number}");
            await agent.AnswerAsync(command.Id);

            Assert.True((await result.WaitAsync(RunningController.Deadline, Ct)).Ok);
            Assert.Equal($"r{number}", links.LastReport("ecu1")!.Report.Revision);
        }

        Assert.Null(links.Pulse("ecu1")!.HeldSince);
    }

    [Fact]
    public async Task Reports_ThatDoNotCease_EndTheLinkForAWhileAndItIsSaid()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var controller = await RunningController.StartAsync(
            services => services.Replace(ServiceDescriptor.Singleton<TimeProvider>(time)), static options => options.Limits = new() { ReportsPerNode = 1 });
        var links = controller.Service<IAgentLinks>();
        using var flooder = await Agent.ConnectAsync(controller);
        using var honest = await Agent.ConnectAsync(controller, "ecu2");
        // Large ones cost several turns, so that one waits to be read whenever time passes.
        var flood = Record.ExceptionAsync(async () =>
        {
            while (true)
            {
                await flooder.ReportAsync(new string('x', 600_000));
            }
        }).AsTask();
        var end = Assert.ThrowsAsync<RpcException>(flooder.EndAsync);
        var wasHeld = false;
        while (await Task.WhenAny(end, Task.Delay(TimeSpan.FromMilliseconds(10), Ct)) != end)
        {
            time.Advance(TimeSpan.FromSeconds(1));
            wasHeld |= links.Pulse("ecu1")?.HeldSince is not null;
            await honest.SendAsync(new() { Heartbeat = new() });
        }

        var cut = await end;
        Assert.True(wasHeld);
        Assert.Equal((StatusCode.ResourceExhausted, AgentPace.FirstRest), (cut.StatusCode, cut.GetRpcStatus()!.GetDetail<RetryInfo>()!.RetryDelay.ToTimeSpan()));
        await flood;
        Assert.Equal(("node:ecu1", EventSeverity.Warning), controller.Service<EventLog>().After(0, "", "", 100).Select(static stored => stored.Draft)
            .Where(static draft => draft.Reason == LinkGuard.CutOff).Select(static draft => (draft.Actor, draft.Severity)).Single());
        Assert.True(links.IsConnected("ecu2"));

        using (var early = await Agent.DialAsync(controller, "ecu1", "ecu1"))
        {
            Assert.Equal(StatusCode.ResourceExhausted, (await Assert.ThrowsAsync<RpcException>(early.ReceiveAsync)).StatusCode);
        }
        time.Advance(AgentPace.FirstRest);
        using var again = await Agent.ConnectAsync(controller);
        await again.ReportAsync("9f3a61c2");
        await UntilAsync(() => links.LastReport("ecu1") is { Report.Revision: "9f3a61c2" });
        Assert.Null(links.Pulse("ecu1")!.HeldSince);
    }

    private static async Task UntilAsync(Func<bool> holds)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        late.CancelAfter(RunningController.Deadline);
        while (!holds())
        {
            await Task.Delay(TimeSpan.FromMilliseconds(5), late.Token);
        }
    }
}
