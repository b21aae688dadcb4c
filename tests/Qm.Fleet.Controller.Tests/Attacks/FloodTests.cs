using System.Net;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
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

/// <summary>One who asks for more than its share is refused, and told so; the others are served.</summary>
[Trait("Requirement", "QMF-LIMIT-001")]
public sealed class FloodTests
{
    private const int Many = 300;
    private const int ReportBytes = 32 * 1024;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Requests_TooManyOfOneIdentity_AreRefusedWithWhenToComeAgain()
    {
        await using var controller = await RunningController.StartAsync(adjust: static options => options.Limits = new() { RequestsPerIdentity = 20 });
        using var authority = Forger.Authority(controller);
        using var mallory = Forger.Make("OU=viewer, CN=mallory", authority);
        var flooder = new V1.FleetService.FleetServiceClient(controller.Tls(mallory));

        var answers = await Task.WhenAll(Enumerable.Range(0, Many).Select(_ => ErrorAsync(() => flooder.ListAsync(new V1.ListFleetsRequest(), cancellationToken: Ct))));

        var refused = answers.OfType<RpcException>().ToList();
        Assert.NotEmpty(refused);
        Assert.True(refused.Count < Many);
        Assert.All(refused, static error => Assert.Equal(StatusCode.ResourceExhausted, error.StatusCode));
        Assert.All(refused, static error => Assert.True(error.GetRpcStatus()!.GetDetail<RetryInfo>()!.RetryDelay.ToTimeSpan() > TimeSpan.Zero));
        await Witness.IsServedAsync(controller);
        // One event, however many it were.
        var told = Assert.Single(Reached(controller));
        Assert.Equal(("viewer:mallory", EventSeverity.Warning), (told.Actor, told.Severity));
        Assert.StartsWith($"{LimitNames.Requests}: viewer:mallory asked for more than 20 things a second.", told.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Requests_OneAfterTheOther_AreHeldToThePaceAndNotRefused()
    {
        await using var controller = await RunningController.StartAsync(adjust: static options => options.Limits = new() { RequestsPerIdentity = 50 });
        using var authority = Forger.Authority(controller);
        using var script = Forger.Make("OU=viewer, CN=script", authority);
        var client = new V1.FleetService.FleetServiceClient(controller.Tls(script));

        for (var call = 0; call < 150; call++)
        {
            await client.ListAsync(new V1.ListFleetsRequest(), cancellationToken: Ct);
        }

        Assert.Empty(Reached(controller));
    }

    [Fact]
    public async Task Requests_TooManyOverRest_AreRefusedWith429()
    {
        await using var controller = await RunningController.StartAsync(adjust: static options => options.Limits = new() { RequestsPerAddress = 10 });
        using var client = controller.Http(null);

        var answers = await Task.WhenAll(Enumerable.Range(0, 60).Select(_ => client.GetAsync("/v1/fleets", Ct)));

        var refused = answers.Where(static answer => answer.StatusCode == HttpStatusCode.TooManyRequests).ToList();
        Assert.NotEmpty(refused);
        Assert.All(refused, static answer => Assert.True(answer.Headers.RetryAfter?.Delta >= TimeSpan.FromSeconds(1)));
        // Who has a certificate does not pay for others behind the same gateway.
        await Witness.IsServedAsync(controller);
        Assert.Equal("address:127.0.0.1", Assert.Single(Reached(controller)).Actor);
    }

    // Nobody needs to be known to be bounded: so is whatever is offered to those who are not.
    [Fact]
    public async Task Requests_WithoutAnyIdentity_CountForTheirAddress()
    {
        await using var controller = await RunningController.StartAsync(adjust: static options => options.Limits = new() { RequestsPerAddress = 10 });
        var nobody = controller.Tls(null);

        var answers = await Task.WhenAll(Enumerable.Range(0, 60).Select(_ => Witness.CallAsync(nobody)));

        Assert.Equal([StatusCode.ResourceExhausted, StatusCode.Unauthenticated], answers.Distinct().Order());
    }

    [Fact]
    public async Task Connections_OfOneWhoTakesNoHeed_AreClosed()
    {
        await using var controller = await RunningController.StartAsync(adjust: static options => options.Limits = new() { RequestsPerIdentity = 1 });
        using var authority = Forger.Authority(controller);
        using var mallory = Forger.Make("OU=viewer, CN=mallory", authority);
        await using var wire = await Http2Wire.ConnectAsync(controller, mallory);
        var end = wire.EndAsync();
        var (stream, call) = (1, Http2Wire.Call("/qm.fleet.v1.FleetService/List"));

        while (stream < 200_000 && !end.IsCompleted && await wire.SendAsync(Frame.Headers, Frame.EndHeaders | Frame.EndStream, stream, call))
        {
            stream += 2;
        }

        await end.WaitAsync(RunningController.Deadline, Ct);
        Assert.InRange(stream, 1, 199_999);
        await Witness.IsServedAsync(controller);
    }

    [Fact]
    public async Task Handshakes_TooManyOfOneAddress_AreCutOff()
    {
        await using var controller = await RunningController.StartAsync(adjust: static options => options.Limits = new() { HandshakesPerAddress = 5 });

        // What neither has had its turn nor may wait for it is closed without a word, at times before the client has seen that it is open.
        await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => Record.ExceptionAsync(async () =>
        {
            using var tcp = await RawTls.TcpAsync(controller);
            Assert.Equal("", await RawTls.AnswersAsync(tcp.GetStream()));
        }).AsTask())).WaitAsync(RunningController.Deadline, Ct);

        Assert.Equal(StatusCode.OK, await Witness.CallAsync(controller.Local()));
        Assert.Equal("address:127.0.0.1", (await Witness.ToldAsync(controller, LimitNames.Handshakes)).Actor);
    }

    // A bench, or a lab on loopback: thousands of nodes come from one address at once when a controller starts.
    [Fact]
    public async Task Handshakes_OfManyNodesBehindOneAddress_DoNotCount()
    {
        await using var controller = await RunningController.StartAsync(adjust: static options => options.Limits = new() { HandshakesPerAddress = 2 });
        using var authority = Forger.Authority(controller);

        await Task.WhenAll(Enumerable.Range(0, 40).Select(async number =>
        {
            using var key = Forger.Make(FormattableString.Invariant($"OU=node, CN=ecu{number}"), authority);
            await using var node = await Http2Wire.ConnectAsync(controller, key);
            Assert.NotNull(await node.UntilAsync(static frame => frame.Type == Frame.Settings));
        }));

        Assert.Empty(Reached(controller));
    }

    [Fact]
    public async Task Handshakes_StormOfStrangersOfTheSameAddress_LeaveAnEnrolledNodeItsTurn()
    {
        await using var controller = await RunningController.StartAsync(adjust: static options => options.Limits = new() { HandshakesPerAddress = 20 });
        using var key = Forger.Node(controller, "ecu1");
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        Task[] storm = [.. Enumerable.Range(0, 30).Select(async _ =>
        {
            while (!stop.IsCancellationRequested)
            {
                // Closed without a word at times, which is what it is there for.
                await Record.ExceptionAsync(async () =>
                {
                    await using var stranger = await RawTls.ConnectAsync(controller, null, SslApplicationProtocol.Http2);
                });
            }
        })];
        await Witness.ToldAsync(controller, LimitNames.Handshakes);

        for (var turn = 0; turn < 3; turn++)
        {
            await ComesAsync(controller, key);
        }

        await stop.CancelAsync();
        await Task.WhenAll(storm).WaitAsync(RunningController.Deadline, Ct);
    }

    [Fact]
    public async Task Handshakes_StormWithOneCertificate_CountsLikeAnyOther()
    {
        await using var controller = await RunningController.StartAsync(adjust: static options => options.Limits = new() { HandshakesPerAddress = 5 });
        using var key = Forger.Node(controller, "ecu1");

        await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => Record.ExceptionAsync(async () =>
        {
            await using var one = await Http2Wire.ConnectAsync(controller, key);
        }).AsTask())).WaitAsync(RunningController.Deadline, Ct);

        Assert.Equal("address:127.0.0.1", (await Witness.ToldAsync(controller, LimitNames.Handshakes)).Actor);
    }

    [Fact]
    public async Task Connections_TooManyOfOneNode_AreRefusedAndItsOthersStay()
    {
        await using var controller = await RunningController.StartAsync();
        using var key = Forger.Node(controller, "ecu1");
        var wires = new List<Http2Wire>();
        for (var number = 0; number < CallerLimits.Node.Connections; number++)
        {
            wires.Add(await Http2Wire.ConnectAsync(controller, key));
            Assert.NotNull(await wires[^1].UntilAsync(static frame => frame.Type == Frame.Settings));
        }

        await using (var more = await Http2Wire.ConnectAsync(controller, key))
        {
            Assert.Null(await more.UntilAsync(static frame => frame.Type == Frame.Settings));
        }

        await wires[0].SendAsync(Frame.Ping, 0, 0, new byte[8]);
        Assert.NotNull(await wires[0].UntilAsync(static frame => frame.Type == Frame.Ping));
        Assert.Equal("node:ecu1", Assert.Single(Reached(controller)).Actor);
        foreach (var wire in wires)
        {
            await wire.DisposeAsync();
        }
    }

    [Fact]
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
    [Trait("Requirement", "QMF-LIMIT-004")]
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
    [Trait("Requirement", "QMF-LIMIT-004")]
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
    [Trait("Requirement", "QMF-LIMIT-004")]
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

    [Fact]
    public async Task Refusals_OfEveryKind_AreCounted()
    {
        await using var controller = await RunningController.StartAsync(adjust: static options => (options.Limits, options.Metrics) = (new() { RequestsPerAddress = 10 }, "127.0.0.1:0"));
        using var client = controller.Http(null);
        await Task.WhenAll(Enumerable.Range(0, 60).Select(_ => client.GetAsync("/v1/fleets", Ct)));
        using var reader = new HttpClient { BaseAddress = controller.MetricsAddress };

        var metrics = await reader.GetStringAsync("/metrics", Ct);

        // Others of this process are measured with it.
        Assert.Contains(metrics.Split('\n'), static line => line.StartsWith("qm_fleet_limited", StringComparison.Ordinal) && line.Contains($"limit=\"{LimitNames.AddressRequests}\"", StringComparison.Ordinal));
    }

    private static IEnumerable<EventDraft> Reached(RunningController controller) =>
        controller.Service<EventLog>().After(0, "", "", 100).Select(static stored => stored.Draft).Where(static draft => draft.Reason == LimitTrail.Reason);

    // As an agent does it: again, until it is in.
    private static async Task ComesAsync(RunningController controller, X509Certificate2 key)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        late.CancelAfter(RunningController.Deadline);
        while (true)
        {
            late.Token.ThrowIfCancellationRequested();
            var missed = await Record.ExceptionAsync(async () =>
            {
                await using var wire = await Http2Wire.ConnectAsync(controller, key);
                Assert.NotNull(await wire.UntilAsync(static frame => frame.Type == Frame.Settings));
            });
            if (missed is null)
            {
                return;
            }
        }
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

    private static async Task<RpcException?> ErrorAsync<T>(Func<AsyncUnaryCall<T>> call)
    {
        try
        {
            await call();
            return null;
        }
        catch (RpcException e)
        {
            return e;
        }
    }
}
