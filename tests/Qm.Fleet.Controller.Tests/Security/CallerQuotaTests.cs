using System.Net;
using System.Text.Json.Nodes;
using Google.Rpc;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Time.Testing;
using Qm.Fleet.Controller.Options;
using Qm.Fleet.Controller.Security;
using Qm.Fleet.Controller.Security.Limits;
using Qm.Fleet.Controller.Tests.Attacks;

namespace Qm.Fleet.Controller.Tests.Security;

/// <summary>Ten thousand streams of one client at once: some are served, every other one is told why not, and nobody else feels it.</summary>
[Trait("Requirement", "QMF-API-063")]
[Collection(nameof(Alone))]
public sealed class CallerQuotaTests
{
    private const int Streams = 10_000;

    /// <summary>What all of them may hold, in bytes, the client's half in this process with it.</summary>
    private const long MostHeld = 300L << 20;

    private const string Watch = "/v1/events:watch?after=0";

    private static readonly int Most = new ControllerLimits().StreamsPerIdentity;

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    public enum Way
    {
        UnixSocket,
        Certificate,
        Token,
    }

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    // A connection has a hundred of them, so each of these has a hundred connections.
    [Theory]
    [InlineData(Way.UnixSocket)]
    [InlineData(Way.Certificate)]
    [InlineData(Way.Token)]
    public async Task Streams_TenThousandOfOneClient_AreServedOrToldWhyNotAndOthersGoOn(Way way)
    {
        await using var turns = new Turns();
        await using var controller = await RunningController.StartAsync(turns.Set);
        var (greedy, headers) = await ClientAsync(controller, way);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(Ct);

        var told = await FloodAsync(controller, turns, () => FirstAsync(greedy, headers, end.Token));

        var refused = told.OfType<RpcException>().ToList();
        Assert.InRange(Streams - refused.Count, 1, Most);
        Assert.All(refused, static error => Assert.Equal(StatusCode.ResourceExhausted, error.StatusCode));
        Assert.All(refused, static error => Assert.NotNull(error.GetRpcStatus()));
        Assert.All(refused.Select(static error => error.GetRpcStatus()!), static status => AssertSays(status.GetDetail<ErrorInfo>()!.Reason, status.GetDetail<ErrorInfo>()!.Metadata["limit"], status.GetDetail<RetryInfo>()!.RetryDelay.ToTimeSpan()));
        // Who watches too much can still ask, and watch when some of it has ended.
        await new V1.EventService.EventServiceClient(greedy).ListAsync(new V1.ListEventsRequest(), headers, DateTime.UtcNow + RunningController.Deadline, Ct);
        await end.CancelAsync();
        await WaitAsync(async () => await FirstAsync(greedy, headers, Ct) is null);
    }

    [Fact]
    public async Task Streams_TenThousandOverRest_AreServedOrToldWhyNotAndOthersGoOn()
    {
        await using var turns = new Turns();
        await using var controller = await RunningController.StartAsync(turns.Set);
        var greedy = controller.Http("");
        (greedy.DefaultRequestVersion, greedy.Timeout) = (HttpVersion.Version20, Patience);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(Ct);

        var told = await FloodAsync<(HttpStatusCode Code, TimeSpan? After, JsonNode Status)?>(controller, turns, async () =>
        {
            var answer = await greedy.GetAsync(Watch, HttpCompletionOption.ResponseHeadersRead, end.Token);
            return answer.StatusCode == HttpStatusCode.OK ? null : (answer.StatusCode, answer.Headers.RetryAfter?.Delta, JsonNode.Parse(await answer.Content.ReadAsStringAsync(Ct))!);
        });

        var refused = told.OfType<(HttpStatusCode Code, TimeSpan? After, JsonNode Status)>().ToList();
        Assert.InRange(Streams - refused.Count, 1, Most);
        Assert.All(refused, static answer => Assert.Equal(HttpStatusCode.TooManyRequests, answer.Code));
        Assert.All(refused, static answer => AssertSays((string)answer.Status["details"]![0]!["reason"]!, (string)answer.Status["details"]![0]!["metadata"]!["limit"]!, answer.After!.Value));
        using var one = await greedy.GetAsync("/v1/events", Ct);
        Assert.Equal(HttpStatusCode.OK, one.StatusCode);
    }

    [Fact]
    public void Shares_TakenAndGivenBack_AreNeverMoreThanTheMost()
    {
        var shares = new Shares<string>();

        Assert.Equal([true, true, false], Enumerable.Range(0, 3).Select(_ => shares.TryTake("a", 2)));
        Assert.True(shares.TryTake("b", 2));
        shares.GiveBack("a");
        Assert.Equal([true, false], Enumerable.Range(0, 2).Select(_ => shares.TryTake("a", 2)));
    }

    // Begins all at once; while refusals wait for their turn another one watches and asks, and what is held is bounded.
    private static async Task<IReadOnlyList<T>> FloodAsync<T>(RunningController controller, Turns turns, Func<Task<T>> begin)
    {
        var refusals = controller.Service<LimitRefusal>();
        using var authority = Forger.Authority(controller);
        using var quiet = Forger.Make("OU=viewer, CN=quiet", authority);
        var other = new V1.EventService.EventServiceClient(controller.Tls(quiet));
        await new V1.NodeService.NodeServiceClient(controller.Local()).ApplyAsync(new V1.ApplyNodesRequest { Nodes = { Samples.Node("ecu1") } }, cancellationToken: Ct);
        using var watch = other.Watch(new V1.WatchEventsRequest { After = -1 }, cancellationToken: Ct);
        await watch.ResponseHeadersAsync.WaitAsync(RunningController.Deadline, Ct);
        var before = GC.GetTotalMemory(forceFullCollection: true);

        var told = Task.WhenAll(Enumerable.Range(0, Streams).Select(_ => begin()).ToList());
        await WaitAsync(() => Task.FromResult(refusals.Waiting(known: true) + refusals.Waiting(known: false) > 0));

        // Of what happens now, the one who watched before is told; and it may ask, and watch more.
        await new V1.NodeService.NodeServiceClient(controller.Local()).ApplyAsync(new V1.ApplyNodesRequest { Nodes = { Samples.Node("ecu2") } }, cancellationToken: Ct);
        await WaitAsync(async () => await watch.ResponseStream.MoveNext(Ct) && watch.ResponseStream.Current.Node == "ecu2");
        await other.ListAsync(new V1.ListEventsRequest(), deadline: DateTime.UtcNow + RunningController.Deadline, cancellationToken: Ct);
        Assert.Null(await FirstAsync(controller.Tls(quiet), [], Ct).WaitAsync(RunningController.Deadline, Ct));
        Assert.False(told.IsCompleted, "the flood was over before the others were looked at");
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, 0, MostHeld);
        Assert.InRange(Math.Max(refusals.Waiting(known: true), refusals.Waiting(known: false)), 0, LimitRefusal.MostWaiting);
        turns.Begin();
        return await told.WaitAsync(Patience, Ct);
    }

    private static void AssertSays(string reason, string limit, TimeSpan retryAfter)
    {
        Assert.Contains((reason, limit), ((string, string)[])[("TOO_MANY_CALLS", LimitNames.Streams), ("TOO_MANY_REQUESTS", LimitNames.Requests), ("TOO_MANY_REQUESTS", LimitNames.AddressRequests)]);
        Assert.True(retryAfter > TimeSpan.Zero);
    }

    private static async Task<(GrpcChannel Channel, Metadata Headers)> ClientAsync(RunningController controller, Way way)
    {
        if (way != Way.Token)
        {
            return (way == Way.UnixSocket ? controller.Local() : controller.Admin(), []);
        }
        var token = await new V1.AccessService.AccessServiceClient(controller.Local()).CreateTokenAsync(new V1.CreateTokenRequest { Name = "greedy", Role = "viewer" }, cancellationToken: Ct);
        return (controller.Tls(null), new() { { "authorization", $"Bearer {token.Secret}" } });
    }

    // What refused a watch; null for one that is served, and goes on until it is cancelled.
    private static async Task<RpcException?> FirstAsync(GrpcChannel channel, Metadata headers, CancellationToken end)
    {
        var call = new V1.EventService.EventServiceClient(channel).Watch(new V1.WatchEventsRequest { After = 0 }, headers, cancellationToken: end);
        try
        {
            Assert.True(await call.ResponseStream.MoveNext(end));
            return null;
        }
        catch (RpcException e)
        {
            return e;
        }
    }

    private static async Task WaitAsync(Func<Task<bool>> isSo)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        late.CancelAfter(Patience);
        while (!await isSo())
        {
            await Task.Delay(TimeSpan.FromMilliseconds(50), late.Token);
        }
    }

    /// <summary>The clock by which refusals get their turns: it stands until the others have been looked at, so that no machine is too slow to see the flood.</summary>
    private sealed class Turns : IAsyncDisposable
    {
        private readonly FakeTimeProvider _time = new();
        private readonly CancellationTokenSource _end = new();
        private Task _flow = Task.CompletedTask;

        public void Set(IServiceCollection services) =>
            services.Replace(ServiceDescriptor.Singleton(provider => new LimitRefusal(provider.GetRequiredService<LimitTrail>(), _time)));

        public void Begin() => _flow = FlowAsync();

        public async ValueTask DisposeAsync()
        {
            await _end.CancelAsync();
            try
            {
                await _flow;
            }
            catch (OperationCanceledException)
            {
                // The end that was asked for.
            }
            _end.Dispose();
        }

        private async Task FlowAsync()
        {
            while (true)
            {
                _time.Advance(TimeSpan.FromMilliseconds(250));
                await Task.Delay(TimeSpan.FromMilliseconds(50), _end.Token);
            }
        }
    }
}
