using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Time.Testing;
using Qm.Fleet.Controller.Security.Limits;
using Qm.Fleet.Controller.Storage;

namespace Qm.Fleet.Controller.Tests.Attacks;

/// <summary>One who opens more connections than its share waits for its turn, is told, or is closed; the others come through.</summary>
[Trait("Requirement", "QMF-LIMIT-001")]
public sealed class ConnectionFloodTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

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
            await more.SendAsync(Frame.Headers, Frame.EndHeaders | Frame.EndStream, 1, Http2Wire.Call("/qm.fleet.v1.NodeGateway/Connect"));
            Assert.Equal("NO_ERROR", await more.EndAsync());
            Assert.Null(await more.UntilAsync(static frame => frame.Type == Frame.Data));
        }

        await wires[0].SendAsync(Frame.Ping, 0, 0, new byte[8]);
        Assert.NotNull(await wires[0].UntilAsync(static frame => frame.Type == Frame.Ping));
        Assert.Equal("node:ecu1", Assert.Single(Reached(controller)).Actor);
        foreach (var wire in wires)
        {
            await wire.DisposeAsync();
        }
    }

    // Over HTTP/1.1 each stream has a connection of its own, so that too many streams are too many connections.
    [Fact]
    public async Task Connections_TooManyOverHttp11_AreToldWhyAndClosedAndTheOthersStay()
    {
        const int Most = 4;
        const int TooMany = 200;
        const string Watch = "GET /v1/events:watch?after=0 HTTP/1.1\r\nHost: localhost\r\n\r\n";
        await using var controller = await RunningController.StartAsync(adjust: static options => options.Limits = new() { ConnectionsPerIdentity = Most, HandshakesPerAddress = 10_000 });
        using var authority = Forger.Authority(controller);
        using var mallory = Forger.Make("OU=viewer, CN=mallory", authority);
        await new V1.NodeService.NodeServiceClient(controller.Local()).ApplyAsync(new V1.ApplyNodesRequest { Nodes = { Samples.Node("ecu1") } }, cancellationToken: Ct);
        var served = await Task.WhenAll(Enumerable.Range(0, Most).Select(_ => RawTls.ConnectAsync(controller, mallory, SslApplicationProtocol.Http11)));
        foreach (var tls in served)
        {
            await tls.SendAsync(Watch);
            Assert.StartsWith("HTTP/1.1 200 ", await tls.NextAsync(), StringComparison.Ordinal);
        }

        var answers = await Task.WhenAll(Enumerable.Range(0, TooMany).Select(async _ =>
        {
            await using var tls = await RawTls.ConnectAsync(controller, mallory, SslApplicationProtocol.Http11);
            // What would come behind the first is not looked at.
            await tls.SendAsync(Watch + Watch);
            return await tls.AnswersAsync();
        }));

        Assert.All(answers, static answer =>
        {
            Assert.StartsWith("HTTP/1.1 429 ", answer, StringComparison.Ordinal);
            Assert.Single(answer.Split("HTTP/1.1 ").Skip(1));
            Assert.Contains("\r\nConnection: close\r\n", answer, StringComparison.Ordinal);
            Assert.Contains("\r\nRetry-After: 1\r\n", answer, StringComparison.Ordinal);
            var error = JsonNode.Parse(answer[answer.IndexOf('{', StringComparison.Ordinal)..(answer.LastIndexOf('}') + 1)])!["details"]![0]!;
            Assert.Equal(("TOO_MANY_CONNECTIONS", LimitNames.Connections), ((string?)error["reason"], (string?)error["metadata"]!["limit"]));
        });
        await Witness.IsServedAsync(controller);
        await new V1.NodeService.NodeServiceClient(controller.Local()).ApplyAsync(new V1.ApplyNodesRequest { Nodes = { Samples.Node("ecu2") } }, cancellationToken: Ct);
        foreach (var tls in served)
        {
            Assert.Contains("ecu2", await tls.UntilAsync("ecu2"), StringComparison.Ordinal);
            await tls.DisposeAsync();
        }
        Assert.Equal("viewer:mallory", Assert.Single(Reached(controller)).Actor);
    }

    [Fact]
    public async Task Connections_TooManyThatAskNothing_AreClosedInTimeAndMoreOfThemAtOnce()
    {
        var time = new FakeTimeProvider(TimeProvider.System.GetUtcNow());
        await using var controller = await RunningController.StartAsync(
            services => services.Replace(ServiceDescriptor.Singleton<TimeProvider>(time)), static options => options.Limits = new() { ConnectionsPerIdentity = 1, HandshakesPerAddress = 10_000 });
        using var authority = Forger.Authority(controller);
        using var mallory = Forger.Make("OU=viewer, CN=mallory", authority);
        await using var served = await Http2Wire.ConnectAsync(controller, mallory);
        Assert.NotNull(await served.UntilAsync(static frame => frame.Type == Frame.Settings));
        var silent = await Task.WhenAll(Enumerable.Range(0, ConnectionQuota.RefusedOfOne).Select(_ => Http2Wire.ConnectAsync(controller, mallory)));
        await Task.WhenAll(silent.Select(static async wire => Assert.NotNull(await wire.UntilAsync(static frame => frame.Type == Frame.Settings))));

        await using (var more = await Http2Wire.ConnectAsync(controller, mallory))
        {
            Assert.Null(await more.UntilAsync(static frame => frame.Type == Frame.Settings));
        }
        await Witness.IsServedAsync(controller);
        time.Advance(ConnectionQuota.Patience);

        await Task.WhenAll(silent.Select(static async wire => Assert.Null(await wire.UntilAsync(static frame => frame.Type == Frame.Data))));
        await served.SendAsync(Frame.Ping, 0, 0, new byte[8]);
        Assert.NotNull(await served.UntilAsync(static frame => frame is { Type: Frame.Ping, Flags: Frame.Ack }));
        Assert.Equal("viewer:mallory", Assert.Single(Reached(controller)).Actor);
        foreach (var wire in silent)
        {
            await wire.DisposeAsync();
        }
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
}
