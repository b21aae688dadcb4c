using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Time.Testing;
using Qm.Fleet.Controller.Gateway;
using Qm.Fleet.Controller.Storage;

namespace Qm.Fleet.Controller.Tests.Gateway;

public sealed class NodeGatewayTests
{
    private static readonly V1.Command Inspect = new() { Inspect = new V1.Inspect() };

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact, Trait("Requirement", "QMF-GATEWAY-001")]
    public async Task Connect_AsTheNodeOfTheCertificate_IsWelcomedAndHeard()
    {
        await using var controller = await RunningController.StartAsync(
            adjust: static options => options.ReportInterval = TimeSpan.FromMilliseconds(1500));
        var links = controller.Service<IAgentLinks>();
        var heard = new Signal(links, "ecu1");
        using var agent = await Agent.DialAsync(controller, "ecu1", "ecu1");

        Assert.Equal(1500, (await agent.ReceiveAsync()).Welcome.ReportIntervalMs);
        await agent.ReportAsync("9f3a61c2");

        await heard.UntilAsync(() => links.LastReport("ecu1") is { Report.Revision: "9f3a61c2", BootId: "boot-1" });
        Assert.True(links.IsConnected("ecu1"));
        Assert.NotNull(links.Since("ecu1"));
        Assert.False(links.IsConnected("ecu2"));
        Assert.Null(links.Since("ecu2"));
    }

    [Theory, Trait("Requirement", "QMF-GATEWAY-001"), Trait("Requirement", "QMF-RULE-12")]
    [InlineData("ecu2", 1, StatusCode.PermissionDenied)]
    [InlineData("", 1, StatusCode.PermissionDenied)]
    [InlineData("ecu1", 2, StatusCode.FailedPrecondition)]
    public async Task Connect_AsAnotherNodeOrProtocol_IsRefused(string node, int protocol, StatusCode status)
    {
        await using var controller = await RunningController.StartAsync();
        using var agent = await Agent.DialAsync(controller, "ecu1", node, protocol);

        var error = await Assert.ThrowsAsync<RpcException>(agent.ReceiveAsync);

        Assert.Equal(status, error.StatusCode);
        Assert.False(controller.Service<IAgentLinks>().IsConnected("ecu1"));
        Assert.False(controller.Service<IAgentLinks>().IsConnected(node));
    }

    [Fact, Trait("Requirement", "QMF-OOM-002")]
    public async Task OomKills_ToldTwice_AreStoredOnceAndTakenEachTime()
    {
        await using var controller = await RunningController.StartAsync();
        using var agent = await Agent.ConnectAsync(controller);
        var told = new V1.AgentMessage { OomKills = new() { Kills = { new V1.OomKill { Record = "kmsg:7", Comm = "radio", Unit = "radio.service", Killed = 1, Place = V1.OomKill.Types.Place.Nested } } } };
        for (var times = 0; times < 2; times++)
        {
            await agent.SendAsync(told);
            Assert.Equal(["kmsg:7"], (await agent.ReceiveAsync()).OomKillsTaken.Records);
        }

        var kill = Assert.Single(controller.Service<EventLog>().After(0, "ecu1", "", 100), stored => stored.Draft.Reason == "OomKilled");
        Assert.Equal((EventSeverity.Warning, "radio.service", "radio"), (kill.Draft.Severity, kill.Draft.Unit, kill.Draft.Message));
    }

    [Fact, Trait("Requirement", "QMF-WATCH-090")]
    public async Task Heartbeat_WithAClockThatIsOff_IsNewsAndKept()
    {
        await using var controller = await RunningController.StartAsync();
        using var agent = await Agent.ConnectAsync(controller);
        var links = controller.Service<IAgentLinks>();
        var heard = new Signal(links, "ecu1");
        await agent.SendAsync(new()
        {
            Heartbeat = new() { ClockUnixMs = TimeProvider.System.GetUtcNow().AddMinutes(-5).ToUnixTimeMilliseconds(), Disk = new() { Path = "/var/qm", TotalBytes = 8L << 30, AvailableBytes = 1L << 20 } },
        });

        await heard.UntilAsync(() => links.Pulse("ecu1") is { ClockSkew: { } skew, Disk.AvailableBytes: 1L << 20 } && skew < TimeSpan.FromMinutes(-4));
    }

    [Fact]
    public async Task Connect_SecondTime_EndsTheFirst()
    {
        await using var controller = await RunningController.StartAsync();
        using var first = await Agent.ConnectAsync(controller);

        using var second = await Agent.ConnectAsync(controller);

        var error = await Assert.ThrowsAsync<RpcException>(first.ReceiveAsync);
        Assert.Equal(StatusCode.Aborted, error.StatusCode);
        Assert.Contains("dialled in again", error.Status.Detail, StringComparison.Ordinal);
        Assert.True(controller.Service<IAgentLinks>().IsConnected("ecu1"));
    }

    [Fact]
    public async Task Send_SeveralCommands_GoOneAtATimeAndFindTheirResults()
    {
        await using var controller = await RunningController.StartAsync();
        var links = controller.Service<IAgentLinks>();
        using var agent = await Agent.ConnectAsync(controller);
        var first = links.SendAsync("ecu1", Inspect, RunningController.Deadline, Ct);
        var second = links.SendAsync("ecu1", Inspect, RunningController.Deadline, Ct);

        var sent = (await agent.ReceiveAsync()).Command;
        await agent.AnswerAsync("nobody's");
        Assert.False(first.IsCompleted);
        await agent.AnswerAsync(sent.Id);
        Assert.Equal(sent.Id, (await first).Id);
        Assert.False(second.IsCompleted);

        var next = (await agent.ReceiveAsync()).Command;
        Assert.NotEqual(sent.Id, next.Id);
        await agent.AnswerAsync(next.Id);
        Assert.True((await second).Ok);
        Assert.Empty(Inspect.Id);
    }

    [Fact]
    public async Task Send_NodeNotConnected_SaysThatNothingWasSent()
    {
        await using var controller = await RunningController.StartAsync();

        var error = await Assert.ThrowsAsync<AgentUnreachableException>(
            () => controller.Service<IAgentLinks>().SendAsync("ecu1", Inspect, RunningController.Deadline, Ct));

        Assert.Equal("ecu1", error.Node);
        Assert.Contains("nothing was sent", error.Message, StringComparison.Ordinal);
    }

    [Theory, Trait("Requirement", "QMF-GATEWAY-002")]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Send_LinkLostBeforeTheResult_OutcomeIsUnknown(bool politely)
    {
        await using var controller = await RunningController.StartAsync();
        var links = controller.Service<IAgentLinks>();
        var gone = new Signal(links, "ecu1");
        using var agent = await Agent.ConnectAsync(controller);
        var sending = links.SendAsync("ecu1", Inspect, RunningController.Deadline, Ct);
        await agent.ReceiveAsync();

        if (politely)
        {
            await agent.HangUpAsync();
        }
        else
        {
            agent.Dispose();
        }

        var error = await Assert.ThrowsAsync<OutcomeUnknownException>(() => sending);
        Assert.Contains("unknown", error.Message, StringComparison.Ordinal);
        await gone.UntilAsync(() => !links.IsConnected("ecu1"));
    }

    [Fact]
    public async Task Connect_SilentForThreeIntervals_CountsAsLost()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var controller = await RunningController.StartAsync(services => services.Replace(ServiceDescriptor.Singleton<TimeProvider>(time)));
        var links = controller.Service<IAgentLinks>();
        var heard = new Signal(links, "ecu1");
        using var agent = await Agent.ConnectAsync(controller);
        await heard.UntilAsync(() => links.IsConnected("ecu1"));
        time.Advance(controller.Options.ReportInterval * 2.9);
        await agent.ReportAsync("9f3a61c2");
        await heard.UntilAsync(() => links.LastReport("ecu1") is not null);
        time.Advance(controller.Options.ReportInterval * 2.9);
        Assert.True(links.IsConnected("ecu1"));

        var error = Assert.ThrowsAsync<RpcException>(agent.ReceiveAsync);
        time.Advance(controller.Options.ReportInterval);

        Assert.Contains("nothing was heard for 15 s", (await error).Status.Detail, StringComparison.Ordinal);
        Assert.False(links.IsConnected("ecu1"));
        Assert.Equal(time.GetUtcNow(), links.Since("ecu1"));
        Assert.NotNull(links.LastReport("ecu1"));
    }

    [Fact, Trait("Requirement", "QMF-AGENT-005")]
    public async Task Heartbeat_OfAQuietAgent_KeepsItHeardAndSaysHowOldTheLookIs()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var controller = await RunningController.StartAsync(services => services.Replace(ServiceDescriptor.Singleton<TimeProvider>(time)));
        var links = controller.Service<IAgentLinks>();
        var heard = new Signal(links, "ecu1");
        using var agent = await Agent.ConnectAsync(controller);
        await agent.SendAsync(new() { Heartbeat = new() { LookedMsAgo = 5 } });
        await agent.ReportAsync("9f3a61c2");
        await heard.UntilAsync(() => links.LastReport("ecu1") is not null);
        var reported = links.LastReport("ecu1")!.ReceivedAt;

        for (var beat = 0; beat < 5; beat++)
        {
            time.Advance(controller.Options.ReportInterval * 2.9);
            await agent.SendAsync(new() { Heartbeat = new() { LookedMsAgo = 1500 } });
            await UntilAsync(() => links.Pulse("ecu1")!.HeardAt == time.GetUtcNow());
        }

        await UntilAsync(() => links.Pulse("ecu1")!.LookedAt == time.GetUtcNow() - TimeSpan.FromMilliseconds(1500));
        Assert.True(links.IsConnected("ecu1"));
        Assert.Equal(reported, links.LastReport("ecu1")!.ReceivedAt);
    }

    [Fact, Trait("Requirement", "QMF-AGENT-005")]
    public async Task Heartbeat_BeforeTheFirstReport_SaysNothingOfTheNode()
    {
        await using var controller = await RunningController.StartAsync();
        var links = controller.Service<IAgentLinks>();
        using var agent = await Agent.ConnectAsync(controller);
        await agent.SendAsync(new() { Heartbeat = new() { LookedMsAgo = 0 } });
        await agent.SendAsync(new() { Usage = new() { Qm = new() { Unit = "qm.service" } } });
        await UntilAsync(() => links.Usage("ecu1") is not null);

        Assert.Null(links.Pulse("ecu1")!.LookedAt);
    }

    [Fact, Trait("Requirement", "QMF-AGENT-005")]
    public async Task Report_WithoutWhatItSaidBefore_IsWholeAndUsageIsPutTogether()
    {
        await using var controller = await RunningController.StartAsync(adjust: static options => options.UsageInterval = TimeSpan.FromSeconds(7));
        var links = controller.Service<IAgentLinks>();
        var heard = new Signal(links, "ecu1");
        using var agent = await Agent.DialAsync(controller, "ecu1", "ecu1");
        var welcome = (await agent.ReceiveAsync()).Welcome;
        await agent.SendAsync(new() { Report = new() { Revision = "r1", Facts = new() { Kernel = "6.12" } } });
        await agent.SendAsync(new() { Usage = new() { Qm = new() { Unit = "qm.service", MemoryCurrent = 1 }, Nested = { new V1.CgroupUsage { Unit = "radio.service" }, new V1.CgroupUsage { Unit = "maps.service" } } } });
        await agent.SendAsync(new() { Usage = new() { Nested = { new V1.CgroupUsage { Unit = "radio.service", MemoryCurrent = 2 } }, Gone = { "maps.service" } } });
        await agent.SendAsync(new() { Report = new() { Revision = "r2" } });
        await heard.UntilAsync(() => links.LastReport("ecu1")?.Report.Revision == "r2");

        Assert.Equal((7000, welcome.ReportIntervalMs), (welcome.UsageIntervalMs, welcome.HeartbeatIntervalMs));
        Assert.Equal("6.12", links.LastReport("ecu1")!.Report.Facts.Kernel);
        var usage = links.Usage("ecu1")!.Usage;
        Assert.Equal(1, usage.Qm.MemoryCurrent);
        Assert.Equal([("radio.service", 2L)], usage.Nested.Select(container => (container.Unit, container.MemoryCurrent)));
    }

    private static async Task UntilAsync(Func<bool> holds)
    {
        while (!holds())
        {
            Ct.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }

    [Fact]
    public async Task Connect_ReportTooLarge_EndsTheLinkOfThatNodeOnly()
    {
        await using var controller = await RunningController.StartAsync();
        var links = controller.Service<IAgentLinks>();
        var gone = new Signal(links, "ecu1");
        using var greedy = await Agent.ConnectAsync(controller);
        using var modest = await Agent.ConnectAsync(controller, "ecu2");

        // The stream may be reset before the whole message is out.
        await Record.ExceptionAsync(() => greedy.ReportAsync(new string('x', NodeGatewayService.MaxMessageBytes)));

        await gone.UntilAsync(() => !links.IsConnected("ecu1"));
        Assert.Null(links.LastReport("ecu1"));
        Assert.True(links.IsConnected("ecu2"));
    }

    [Fact]
    public async Task Connect_ControllerStops_LinksEndAtOnce()
    {
        await using var controller = await RunningController.StartAsync();
        using var agent = await Agent.ConnectAsync(controller);

        await controller.App.StopAsync(Ct).WaitAsync(RunningController.Deadline, Ct);

        await Assert.ThrowsAsync<RpcException>(agent.ReceiveAsync);
        Assert.False(controller.Service<IAgentLinks>().IsConnected("ecu1"));
    }
}
