using Grpc.Core;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Time.Testing;
using Qm.Fleet.Controller.Security;
using Qm.Fleet.Controller.Security.Limits;
using Qm.Fleet.Controller.Tests.Attacks;

namespace Qm.Fleet.Controller.Tests.Limits;

/// <summary>What a client is told that goes on after it was refused.</summary>
[Trait("Requirement", "QMF-LIMIT-007")]
public sealed class LimitRefusalTests
{
    private const string Mallory = "viewer:mallory";
    private static readonly int MostAnswered = (int)(LimitRefusal.Heard.Burst + (LimitRefusal.Heard.PerSecond * LimitRefusal.Patience.TotalSeconds));

    private readonly FakeTimeProvider _time = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Refusals_MoreThanTheBurst_WaitForTheirTurnAndAreAnswered()
    {
        await using var controller = await RunningController.StartAsync();
        var refusals = new LimitRefusal(controller.Service<LimitTrail>(), _time);
        var answers = Enumerable.Range(0, (int)LimitRefusal.Heard.Burst + 1).Select(_ => new Asked()).ToList();

        var told = answers.ConvertAll(asked => RefuseAsync(refusals, asked));

        await Task.WhenAll(told[..^1]).WaitAsync(RunningController.Deadline, Ct);
        Assert.Equal(1, refusals.Waiting(known: true));
        Assert.False(told[^1].IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(1 / LimitRefusal.Heard.PerSecond));
        await told[^1].WaitAsync(RunningController.Deadline, Ct);
        Assert.Equal(0, refusals.Waiting(known: true));
        Assert.All(answers, static asked => Assert.Equal((StatusCodes.Status429TooManyRequests, null), (asked.Http.Response.StatusCode, asked.ResetBy)));
    }

    [Fact]
    public async Task Refusals_MoreThanMayWait_EndStreamsCalmlyAndThenTheConnection()
    {
        await using var controller = await RunningController.StartAsync();
        var refusals = new LimitRefusal(controller.Service<LimitTrail>(), _time);
        var connection = new Connection();
        var waiting = Enumerable.Range(0, MostAnswered).Select(_ => RefuseAsync(refusals, new Asked())).ToList();
        Assert.Equal(LimitRefusal.MostWaiting, refusals.Waiting(known: true));

        var underWay = Enumerable.Range(0, ServerLimits.StreamsPerConnection).Select(_ => new Asked(connection)).ToList();
        await Task.WhenAll(underWay.Select(asked => RefuseAsync(refusals, asked)));

        Assert.All(underWay, static asked => Assert.Equal(11, asked.ResetBy));
        Assert.Equal((1, false), (connection.Closes, connection.IsAborted));

        await RefuseAsync(refusals, new Asked(connection));

        Assert.Equal((1, true), (connection.Closes, connection.IsAborted));
        _time.Advance(LimitRefusal.Patience);
        await Task.WhenAll(waiting).WaitAsync(RunningController.Deadline, Ct);
    }

    [Fact]
    public async Task Refusals_MoreThanMayWaitOverHttp11_AreTheLastOnTheirConnection()
    {
        await using var controller = await RunningController.StartAsync();
        var refusals = new LimitRefusal(controller.Service<LimitTrail>(), _time);
        using var end = new CancellationTokenSource();
        var waiting = Enumerable.Range(0, MostAnswered).Select(_ => RefuseAsync(refusals, new Asked { Http = { RequestAborted = end.Token } })).ToList();
        var one = new Asked();
        one.Http.Features.Set<IHttpResetFeature>(null);

        await RefuseAsync(refusals, one);

        Assert.Equal((StatusCodes.Status429TooManyRequests, "close"), (one.Http.Response.StatusCode, one.Http.Response.Headers.Connection.ToString()));
        // Who hung up waits no more.
        await end.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Task.WhenAll(waiting).WaitAsync(RunningController.Deadline, Ct));
        Assert.Equal(0, refusals.Waiting(known: true));
    }

    [Fact]
    public async Task Refusals_MoreThanMayWaitOverTheWire_AreGoAwayAndResourceExhausted()
    {
        // Time stands, so that those who wait go on waiting.
        var time = new FakeTimeProvider(TimeProvider.System.GetUtcNow());
        await using var controller = await RunningController.StartAsync(
            services => services.Replace(ServiceDescriptor.Singleton<TimeProvider>(time)), static options => options.Limits = new() { StreamsPerIdentity = 1 });
        using var authority = Forger.Authority(controller);
        using var mallory = Forger.Make("OU=viewer, CN=mallory", authority);
        var client = new V1.EventService.EventServiceClient(controller.Tls(mallory));
        using var served = client.Watch(new V1.WatchEventsRequest { After = -1 }, cancellationToken: Ct);
        await served.ResponseHeadersAsync.WaitAsync(RunningController.Deadline, Ct);
        using var end = new CancellationTokenSource();
        // So many of it wait already, on connections that are of no interest here.
        var waiting = Enumerable.Range(0, MostAnswered).Select(_ => RefuseAsync(controller.Service<LimitRefusal>(), new Asked { Http = { RequestAborted = end.Token } })).ToList();

        using var more = client.Watch(new V1.WatchEventsRequest { After = -1 }, cancellationToken: Ct);
        var refused = await Assert.ThrowsAsync<RpcException>(() => more.ResponseStream.MoveNext(Ct).WaitAsync(RunningController.Deadline, Ct));
        await using var wire = await Http2Wire.ConnectAsync(controller, mallory);
        await wire.SendAsync(Frame.Headers, Frame.EndHeaders | Frame.EndStream, 1, Http2Wire.Call("/qm.fleet.v1.EventService/Watch"));
        var told = new List<(byte Type, uint Error)>();
        await wire.UntilAsync(frame =>
        {
            if (frame.Type is Frame.GoAway or Frame.Reset)
            {
                told.Add((frame.Type, frame.Error));
            }
            return told.Count == 2;
        });

        Assert.Equal(StatusCode.ResourceExhausted, refused.StatusCode);
        Assert.Equal([(Frame.Reset, 11u), (Frame.GoAway, 0u)], told.Order());
        // What is served goes on, on a connection that begins nothing more.
        var next = served.ResponseStream.MoveNext(Ct);
        await new V1.NodeService.NodeServiceClient(controller.Local()).ApplyAsync(new V1.ApplyNodesRequest { Nodes = { Samples.Node("ecu1") } }, cancellationToken: Ct);
        Assert.True(await next.WaitAsync(RunningController.Deadline, Ct));
        await end.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Task.WhenAll(waiting).WaitAsync(RunningController.Deadline, Ct));
    }

    private static Task RefuseAsync(LimitRefusal refusals, Asked asked) =>
        refusals.AnswerAsync(asked.Http, Mallory, LimitNames.Streams, "TOO_MANY_CALLS", "Too many.", TimeSpan.FromSeconds(1));

    /// <summary>A request of mallory's, on a connection of its own if nothing is said.</summary>
    private sealed class Asked : IHttpResetFeature
    {
        internal Asked(Connection? connection = null)
        {
            connection ??= new();
            Http.Features.Set<IHttpResetFeature>(this);
            Http.Features.Set<IConnectionLifetimeFeature>(connection);
            Http.Features.Set<IConnectionLifetimeNotificationFeature>(connection);
            Http.Features.Set(connection.Farewell);
            Http.Features.Set(CallerIdentity.Person("mallory", "viewer"));
        }

        internal DefaultHttpContext Http { get; } = new();

        internal int? ResetBy { get; private set; }

        public void Reset(int errorCode) => ResetBy = errorCode;
    }

    private sealed class Connection : IConnectionLifetimeFeature, IConnectionLifetimeNotificationFeature
    {
        internal Farewell Farewell { get; } = new();

        internal int Closes { get; private set; }

        internal bool IsAborted { get; private set; }

        public CancellationToken ConnectionClosed { get; set; }

        public CancellationToken ConnectionClosedRequested { get; set; }

        public void Abort() => IsAborted = true;

        public void RequestClose() => Closes++;
    }
}
