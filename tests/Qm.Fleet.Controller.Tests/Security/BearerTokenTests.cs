using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Time.Testing;
using Qm.Fleet.Controller.Security;

namespace Qm.Fleet.Controller.Tests.Security;

public sealed class BearerTokenTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    [Trait("Requirement", "QMF-ACCESS-002")]
    public async Task Token_OnceMade_SpeaksForItsRole()
    {
        await using var controller = await RunningController.StartAsync();
        var secret = await MakeAsync(controller, "ci", "viewer");
        var access = new V1.AccessService.AccessServiceClient(controller.Tls(null));

        var identity = await access.WhoAmIAsync(new V1.WhoAmIRequest(), Bearer(secret), cancellationToken: Ct);
        var may = await access.CanIAsync(new V1.CanIRequest { Verb = "restart-qm", Resource = "nodes", Node = "ecu1" }, Bearer(secret), cancellationToken: Ct);

        Assert.Equal(("token:ci", "viewer"), (identity.Name, Assert.Single(identity.Roles)));
        Assert.Equal((false, "token:ci may not restart-qm nodes."), (may.Allowed, may.Reason));
        Assert.DoesNotContain(secret, File.ReadAllText(Path.Combine(controller.Options.State, "fleet.db-wal"), System.Text.Encoding.Latin1), StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Requirement", "QMF-ACCESS-002")]
    [Trait("Requirement", "QMF-API-026")]
    public async Task Create_ThatOnlyAsksWhatWouldBe_HasNoSecretAndKeepsNothing()
    {
        await using var controller = await RunningController.StartAsync();
        var (access, enrollment) = (new V1.AccessService.AccessServiceClient(controller.Local()), new V1.EnrollmentService.EnrollmentServiceClient(controller.Local()));

        var token = await access.CreateTokenAsync(new() { Name = "ci", Role = "viewer", DryRun = true }, cancellationToken: Ct);
        var join = await enrollment.CreateJoinTokenAsync(new() { Name = "bench", Nodes = { "ecu*" }, DryRun = true }, cancellationToken: Ct);

        Assert.Equal(("ci", "", "bench", ""), (token.Token.Name, token.Secret, join.Token.Name, join.Secret));
        Assert.Empty((await access.ListTokensAsync(new(), cancellationToken: Ct)).Tokens);
        Assert.Empty((await enrollment.ListJoinTokensAsync(new(), cancellationToken: Ct)).Tokens);
    }

    [Fact]
    [Trait("Requirement", "QMF-ACCESS-002")]
    public async Task Revoke_WhileAWatchGoesOn_EndsTheWatch()
    {
        await using var controller = await RunningController.StartAsync();
        var secret = await MakeAsync(controller, "ci", "viewer");
        using var watch = new V1.EventService.EventServiceClient(controller.Tls(null)).Watch(new V1.WatchEventsRequest { After = -1 }, Bearer(secret), cancellationToken: Ct);
        await watch.ResponseHeadersAsync;

        await new V1.AccessService.AccessServiceClient(controller.Local()).RevokeTokenAsync(new V1.RevokeTokenRequest { Name = "ci" }, cancellationToken: Ct);

        await watch.EndsAsync();
        Assert.Equal(StatusCode.Unauthenticated, await ListAsync(controller, secret));
    }

    [Fact]
    [Trait("Requirement", "QMF-ACCESS-002")]
    public async Task Token_PastItsTime_IsRefused()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var controller = await RunningController.StartAsync(services => services.Replace(ServiceDescriptor.Singleton<TimeProvider>(time)));
        var secret = await MakeAsync(controller, "ci", "viewer", time.GetUtcNow() + TimeSpan.FromMinutes(2));

        Assert.Equal(StatusCode.OK, await ListAsync(controller, secret));
        time.Advance(TimeSpan.FromMinutes(2));
        Assert.Equal(StatusCode.Unauthenticated, await ListAsync(controller, secret));
    }

    [Fact]
    [Trait("Requirement", "QMF-ACCESS-002")]
    public async Task Guesses_TooMany_HaveToWaitAndOthersDoNot()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var controller = await RunningController.StartAsync(services => services.Replace(ServiceDescriptor.Singleton<TimeProvider>(time)));
        var secret = await MakeAsync(controller, "ci", "viewer");
        for (var guess = 0; guess < GuessLimit.Most; guess++)
        {
            Assert.Equal(StatusCode.Unauthenticated, await ListAsync(controller, secret[..^1] + (secret[^1] == 'A' ? 'B' : 'A')));
        }

        Assert.Equal(StatusCode.ResourceExhausted, await ListAsync(controller, secret));
        Assert.Equal(StatusCode.OK, await ListAsync(controller, null));
        time.Advance(GuessLimit.Window);
        Assert.Equal(StatusCode.OK, await ListAsync(controller, secret));
    }

    [Theory]
    [InlineData("Basic cm9vdA==")]
    [InlineData("Bearer ")]
    [InlineData("Bearer qmf_")]
    [InlineData("Bearer qmf__")]
    [InlineData("bearer nothing")]
    [Trait("Requirement", "QMF-ACCESS-002")]
    public async Task Header_ThatIsNoToken_IsRefusedAlsoFromAnAdministrator(string header)
    {
        await using var controller = await RunningController.StartAsync();

        var error = await Assert.ThrowsAsync<RpcException>(async () => await new V1.FleetService.FleetServiceClient(controller.Admin()).ListAsync(
            new V1.ListFleetsRequest(), new Metadata { { "authorization", header } }, cancellationToken: Ct));

        Assert.Equal(StatusCode.Unauthenticated, error.StatusCode);
    }

    [Fact]
    [Trait("Requirement", "QMF-ACCESS-003")]
    public async Task CreateToken_WrongInEveryField_NamesAllOfThem()
    {
        await using var controller = await RunningController.StartAsync();
        var access = new V1.AccessService.AccessServiceClient(controller.Local());

        var error = await Assert.ThrowsAsync<RpcException>(async () => await access.CreateTokenAsync(
            new V1.CreateTokenRequest
            {
                Name = "No Name",
                Role = "king",
                Scope = new V1.AccessScope { Selector = "a in", Nodes = { "a b" } },
                ExpiresAt = Timestamp.FromDateTimeOffset(DateTimeOffset.UnixEpoch),
            },
            cancellationToken: Ct));

        Assert.Equal(StatusCode.InvalidArgument, error.StatusCode);
        Assert.Equal(
            ["name", "role", "scope.nodes", "scope.selector", "expires_at"],
            error.GetRpcStatus()!.GetDetail<BadRequest>()!.FieldViolations.Select(static violation => violation.Field));
        Assert.Empty(controller.Service<Controller.Storage.AccessStore>().Load().Tokens);
    }

    [Fact]
    [Trait("Requirement", "QMF-ACCESS-003")]
    public async Task Role_ThatSomebodyHas_IsMadeGivenAndNotRemoved()
    {
        await using var controller = await RunningController.StartAsync();
        var access = new V1.AccessService.AccessServiceClient(controller.Local());
        var role = new V1.AccessRole { Name = "radio-keeper", Rules = { new V1.AccessRule { Verbs = { "restart" }, Resources = { "units" }, Scope = new V1.AccessScope { Units = { "radio.*" } } } } };
        await access.ApplyRoleAsync(new V1.ApplyRoleRequest { Role = role }, cancellationToken: Ct);
        await access.ApplyBindingAsync(
            new V1.ApplyBindingRequest { Binding = new V1.AccessBinding { Name = "ci-radio", Subject = "token:ci", Role = "radio-keeper", Scope = new V1.AccessScope { Nodes = { "ecu*" } } } }, cancellationToken: Ct);
        var secret = await MakeAsync(controller, "ci", "viewer");

        async Task<bool> MayAsync(string node, string unit) => (await new V1.AccessService.AccessServiceClient(controller.Tls(null)).CanIAsync(
            new V1.CanIRequest { Verb = "restart", Resource = "units", Node = node, Unit = unit }, Bearer(secret), cancellationToken: Ct)).Allowed;

        Assert.True(await MayAsync("ecu1", "radio.service"));
        Assert.False(await MayAsync("ecu1", "maps.service"));
        Assert.False(await MayAsync("bench1", "radio.service"));
        var error = await Assert.ThrowsAsync<RpcException>(async () => await access.DeleteRoleAsync(new V1.DeleteRoleRequest { Name = "radio-keeper" }, cancellationToken: Ct));
        Assert.Equal((StatusCode.FailedPrecondition, "Role radio-keeper is still had by binding/ci-radio."), (error.StatusCode, error.Status.Detail));
        await access.DeleteBindingAsync(new V1.DeleteBindingRequest { Name = "ci-radio" }, cancellationToken: Ct);
        await access.DeleteRoleAsync(new V1.DeleteRoleRequest { Name = "radio-keeper" }, cancellationToken: Ct);
        Assert.False(await MayAsync("ecu1", "radio.service"));
    }

    [Fact]
    [Trait("Requirement", "QMF-ACCESS-003")]
    public async Task BuiltInRole_CannotBeChanged()
    {
        await using var controller = await RunningController.StartAsync();
        var access = new V1.AccessService.AccessServiceClient(controller.Local());
        var mine = new V1.AccessRole { Name = "viewer", Rules = { new V1.AccessRule { Verbs = { "*" }, Resources = { "*" } } } };

        var error = await Assert.ThrowsAsync<RpcException>(async () => await access.ApplyRoleAsync(new V1.ApplyRoleRequest { Role = mine }, cancellationToken: Ct));

        Assert.Equal(StatusCode.FailedPrecondition, error.StatusCode);
    }

    private static async Task<string> MakeAsync(RunningController controller, string name, string role, DateTimeOffset? ends = null) =>
        (await new V1.AccessService.AccessServiceClient(controller.Local()).CreateTokenAsync(
            new V1.CreateTokenRequest { Name = name, Role = role, ExpiresAt = ends?.ToTimestamp() }, cancellationToken: Ct)).Secret;

    private static Metadata Bearer(string secret) => new() { { "authorization", $"Bearer {secret}" } };

    /// <summary>How a list ends for a token; for null, on the Unix socket.</summary>
    private static async Task<StatusCode> ListAsync(RunningController controller, string? secret)
    {
        try
        {
            await new V1.FleetService.FleetServiceClient(secret is null ? controller.Local() : controller.Tls(null)).ListAsync(
                new V1.ListFleetsRequest(), secret is null ? [] : Bearer(secret), cancellationToken: Ct);
            return StatusCode.OK;
        }
        catch (RpcException e)
        {
            return e.StatusCode;
        }
    }
}
