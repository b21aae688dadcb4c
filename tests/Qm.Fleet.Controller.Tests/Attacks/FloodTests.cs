using System.Net;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using Qm.Fleet.Controller.Gateway;
using Qm.Fleet.Controller.Security.Limits;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Controller.Tests.Gateway;
using RetryInfo = Google.Rpc.RetryInfo;

namespace Qm.Fleet.Controller.Tests.Attacks;

/// <summary>One who asks for more than its share is refused, and told so; the others are served.</summary>
[Trait("Requirement", "QMF-LIMIT-001")]
public sealed class FloodTests
{
    private const int Many = 300;

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
