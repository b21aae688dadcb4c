using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Time.Testing;
using Qm.Fleet.Controller.Security;
using Qm.Fleet.Controller.Security.Limits;
using Qm.Fleet.Controller.Storage;

namespace Qm.Fleet.Controller.Tests.Attacks;

[Trait("Requirement", "QMF-ATTACK-003")]
public sealed class TokenTests
{
    private readonly FakeTimeProvider _time = new(DateTimeOffset.UtcNow);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Token_SentAgainAfterItsEndOrRevocation_IsNotTaken()
    {
        await using var controller = await StartAsync();
        var access = new V1.AccessService.AccessServiceClient(controller.Local());
        var ended = await MakeAsync(access, "ended", _time.GetUtcNow() + TimeSpan.FromMinutes(1));
        var revoked = await MakeAsync(access, "revoked");
        Assert.Equal(StatusCode.OK, await CallAsync(controller, ended));
        Assert.Equal(StatusCode.OK, await CallAsync(controller, revoked));

        await access.RevokeTokenAsync(new V1.RevokeTokenRequest { Name = "revoked" }, cancellationToken: Ct);
        _time.Advance(TimeSpan.FromMinutes(1));

        Assert.Equal(StatusCode.Unauthenticated, await CallAsync(controller, ended));
        Assert.Equal(StatusCode.Unauthenticated, await CallAsync(controller, revoked));
        // Another token of the same name is another token.
        await MakeAsync(access, "revoked");
        Assert.Equal(StatusCode.Unauthenticated, await CallAsync(controller, revoked));
    }

    [Fact]
    public async Task Guess_OfAKnownIdOrOfNone_IsAnsweredAlike()
    {
        await using var controller = await StartAsync();
        var secret = await MakeAsync(new V1.AccessService.AccessServiceClient(controller.Local()), "ci");
        var end = secret.IndexOf('_', 4);
        string[] guesses =
        [
            secret[..^1] + (secret[^1] == 'A' ? 'B' : 'A'),         // right but for its last character
            secret[..(end + 1)] + new string('A', secret.Length - end - 1), // the id, and nothing of the secret
            "qmf_" + new string('A', end - 4) + secret[end..],      // the secret, and nothing of the id
            secret[..end],
            secret + "A",
            secret.ToUpperInvariant(),
        ];

        var answers = new List<RpcException>();
        foreach (var guess in guesses)
        {
            answers.Add(await Assert.ThrowsAsync<RpcException>(async () => await new V1.FleetService.FleetServiceClient(controller.Tls(null)).ListAsync(
                new V1.ListFleetsRequest(), Bearer(guess), cancellationToken: Ct)));
        }

        Assert.All(answers, answer => Assert.Equal((answers[0].Status.StatusCode, answers[0].Status.Detail), (answer.StatusCode, answer.Status.Detail)));
        Assert.All(answers, answer => Assert.Equal(answers[0].GetRpcStatus(), answer.GetRpcStatus()));
        Assert.Equal(StatusCode.Unauthenticated, answers[0].StatusCode);
    }

    [Fact]
    public async Task Store_ThatAThiefReads_HasNothingToSend()
    {
        await using var controller = await StartAsync();
        var secret = await MakeAsync(new V1.AccessService.AccessServiceClient(controller.Local()), "ci");
        var stored = Assert.Single(controller.Service<AccessStore>().Load().Tokens);

        // What is compared is a hash of all that is sent, so neither the stored id nor the stored hash is worth anything.
        Assert.Equal(32, stored.Hash.Length);
        Assert.Equal(StatusCode.Unauthenticated, await CallAsync(controller, $"qmf_{stored.Id}_{Convert.ToBase64String(stored.Hash)}"));
        Assert.Equal(StatusCode.Unauthenticated, await CallAsync(controller, $"qmf_{stored.Id}_{Convert.ToHexStringLower(stored.Hash)}"));
        Assert.Equal(StatusCode.OK, await CallAsync(controller, secret));
    }

    [Fact]
    public async Task Guesses_TooMany_AreToldOnceAndStopNobodyElse()
    {
        await using var controller = await StartAsync();
        for (var guess = 0; guess < GuessLimit.Most; guess++)
        {
            Assert.Equal(StatusCode.Unauthenticated, await CallAsync(controller, $"qmf_AAAA_{guess}"));
        }

        for (var more = 0; more < 5; more++)
        {
            Assert.Equal(StatusCode.ResourceExhausted, await CallAsync(controller, "qmf_AAAA_B"));
        }

        await Witness.IsServedAsync(controller);
        var told = Assert.Single(controller.Service<EventLog>().After(0, "", "", 100), static stored => stored.Draft.Reason == LimitTrail.Reason);
        Assert.Equal("address:127.0.0.1", told.Draft.Actor);
    }

    [Theory]
    [InlineData("2001:db8::1", "2001:db8::ffff:1", true)]
    [InlineData("2001:db8::1", "2001:db8:0:1::1", false)]
    [InlineData("::ffff:10.0.0.7", "10.0.0.7", true)]
    [InlineData("10.0.0.7", "10.0.0.8", false)]
    public void Guesses_OfAllAddressesThatOneMachineMayHave_CountTogether(string guesser, string other, bool together)
    {
        var guesses = new GuessLimit(_time);
        for (var guess = 0; guess < GuessLimit.Most; guess++)
        {
            guesses.Count(System.Net.IPAddress.Parse(guesser));
        }

        Assert.Equal(together, guesses.IsTooMany(System.Net.IPAddress.Parse(other)));
    }

    private Task<RunningController> StartAsync() => RunningController.StartAsync(services => services.Replace(ServiceDescriptor.Singleton<TimeProvider>(_time)));

    private static Metadata Bearer(string secret) => new() { { "authorization", $"Bearer {secret}" } };

    private static Task<StatusCode> CallAsync(RunningController controller, string secret) => Witness.CallAsync(controller.Tls(null), Bearer(secret));

    private static async Task<string> MakeAsync(V1.AccessService.AccessServiceClient access, string name, DateTimeOffset? ends = null) =>
        (await access.CreateTokenAsync(new V1.CreateTokenRequest { Name = name, Role = "viewer", ExpiresAt = ends?.ToTimestamp() }, cancellationToken: Ct)).Secret;
}
