using System.Net.Security;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Time.Testing;
using Qm.Fleet.Controller.Api;
using Qm.Fleet.Controller.Security.Limits;

namespace Qm.Fleet.Controller.Tests.Attacks;

/// <summary>Clients that begin, and go on so slowly that they hold what they have for as long as they like.</summary>
[Trait("Requirement", "QMF-ATTACK-005")]
public sealed class SlowlorisTests
{
    private const int Many = 20;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Handshakes_ThatNeverEnd_AreBoundedAndGivenUp()
    {
        await using var controller = await RunningController.StartAsync(
            adjust: static options => options.Limits = new() { HandshakeTimeout = 2, UnfinishedPerAddress = Many });
        var silent = await Task.WhenAll(Enumerable.Range(0, Many).Select(_ => RawTls.TcpAsync(controller)));
        try
        {
            await silent[0].GetStream().WriteAsync(new byte[] { 22, 3, 1 }, Ct);
            // One more of this address has no place, and is closed at once.
            using (var more = await RawTls.TcpAsync(controller))
            {
                Assert.Equal("", await RawTls.AnswersAsync(more.GetStream()));
            }
            // Who came through needs none.
            Assert.Equal(StatusCode.OK, await Witness.CallAsync(controller.Local()));

            await Task.WhenAll(silent.Select(static tcp => RawTls.AnswersAsync(tcp.GetStream())));

            await Witness.IsServedAsync(controller);
            await Witness.ToldAsync(controller, LimitNames.Unfinished);
        }
        finally
        {
            Array.ForEach(silent, static tcp => tcp.Dispose());
        }
    }

    [Fact]
    public async Task Headers_ByteByByte_AreNotWaitedFor()
    {
        await using var controller = await RunningController.StartAsync();
        using var admin = Forger.Admin(controller);
        var slow = await Task.WhenAll(Enumerable.Range(0, Many).Select(_ => RawTls.ConnectAsync(controller, admin, SslApplicationProtocol.Http11)));
        try
        {
            var ends = slow.Select(static tls => RawTls.AnswersAsync(tls.Stream)).ToArray();
            var all = Task.WhenAll(ends);
            foreach (var letter in $"GET /v1/fleets HTTP/1.1\r\nHost: localhost\r\nX-Slow: {new string('x', 4000)}")
            {
                await Task.WhenAll(slow.Select(tls => Record.ExceptionAsync(() => tls.SendAsync(letter.ToString())).AsTask()));
                if (await Task.WhenAny(all, Task.Delay(TimeSpan.FromMilliseconds(20), Ct)) == all)
                {
                    break;
                }
            }

            Assert.All(await all, static answer => Assert.True(answer.Length == 0 || answer.StartsWith("HTTP/1.1 408 ", StringComparison.Ordinal), answer));
            await Witness.IsServedAsync(controller);
        }
        finally
        {
            foreach (var tls in slow)
            {
                await tls.DisposeAsync();
            }
        }
    }

    [Fact]
    public async Task Body_ThatNeverEnds_IsNotWaitedForOverRest()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var controller = await StartAsync(time);
        using var admin = Forger.Admin(controller);
        await using var tls = await RawTls.ConnectAsync(controller, admin, SslApplicationProtocol.Http11);
        await tls.SendAsync("POST /v1/nodes:apply HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{");
        var answer = tls.AnswersAsync();

        await AdvanceUntilAsync(time, answer);

        Assert.StartsWith("HTTP/1.1 504 ", await answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Message_ThatNeverEnds_IsNotWaitedForOverGrpc()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var controller = await StartAsync(time);
        using var admin = Forger.Admin(controller);
        await using var wire = await Http2Wire.ConnectAsync(controller, admin);
        await wire.SendAsync(Frame.Headers, Frame.EndHeaders, 1, Http2Wire.Call("/qm.fleet.v1.FleetService/List"));
        await wire.SendAsync(Frame.Data, 0, 1, [0, 0, 0, 0, 100, 1]);
        var end = wire.UntilAsync(static frame => frame is { Type: Frame.Reset, Stream: 1 });

        await AdvanceUntilAsync(time, end);

        Assert.NotNull(await end);
        Assert.Equal("admin:local-admin", (await Witness.ToldAsync(controller, LimitNames.Body)).Actor);
    }

    // A stream that says nothing for long is how agents are.
    [Fact]
    public async Task Stream_ThatIsQuietForLong_IsNotSlow()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var controller = await StartAsync(time);
        using var watch = new V1.EventService.EventServiceClient(controller.Admin()).Watch(new V1.WatchEventsRequest { After = -1 }, cancellationToken: Ct);
        await watch.ResponseHeadersAsync;

        time.Advance(UnreadableRequests.Patience * 20);

        await new V1.NodeService.NodeServiceClient(controller.Local()).ApplyAsync(new V1.ApplyNodesRequest { Nodes = { Samples.Node() } }, cancellationToken: Ct);
        Assert.True(await watch.ResponseStream.MoveNext(Ct).WaitAsync(RunningController.Deadline, Ct));
    }

    private static async Task AdvanceUntilAsync(FakeTimeProvider time, Task end)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        late.CancelAfter(RunningController.Deadline);
        while (await Task.WhenAny(end, Task.Delay(TimeSpan.FromMilliseconds(50), late.Token)) != end)
        {
            late.Token.ThrowIfCancellationRequested();
            time.Advance(TimeSpan.FromSeconds(10));
        }
    }

    private static Task<RunningController> StartAsync(TimeProvider time) => RunningController.StartAsync(services => services.Replace(ServiceDescriptor.Singleton(time)));
}
