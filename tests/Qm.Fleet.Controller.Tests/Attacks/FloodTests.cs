using System.Net;
using Grpc.Core;
using Qm.Fleet.Controller.Security.Limits;
using Qm.Fleet.Controller.Storage;
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
