using System.Security.Cryptography;
using System.Text;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Time.Testing;
using Microsoft.IdentityModel.Tokens;
using Qm.Fleet.Controller.Options;
using Qm.Fleet.Controller.Security;
using Qm.Fleet.Controller.Storage;

namespace Qm.Fleet.Controller.Tests.Security.Oidc;

/// <summary>Tokens of an issuer that is none of ours, over the wire.</summary>
[Trait("Requirement", "QMF-OIDC-001")]
public sealed class OidcTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Token_OfTheIssuer_HasTheRolesOfItsClaimsAndBindingsAndNoOthers()
    {
        await using var issuer = await TestIssuer.StartAsync(Ct);
        await using var controller = await StartAsync(issuer);
        var (viewer, both, nobody) = (issuer.Token("ann", groups: "fleet-viewers"), issuer.Token("bob", groups: ["fleet-viewers", "fleet-operators"]), issuer.Token("carl", groups: "admin"));
        var access = new V1.AccessService.AccessServiceClient(controller.Tls(null));

        Assert.Equal(("oidc:ann", "viewer"), (await access.WhoAmIAsync(new(), Bearer(viewer), cancellationToken: Ct)) is var ann ? (ann.Name, string.Join(',', ann.Roles)) : default);
        Assert.Equal(["viewer", "operator"], (await access.WhoAmIAsync(new(), Bearer(both), cancellationToken: Ct)).Roles);
        Assert.Equal(StatusCode.OK, await ListAsync(controller, viewer));
        // Known, and good for nothing: a claim that nobody mapped is no role, whatever it is called.
        var carl = await access.WhoAmIAsync(new(), Bearer(nobody), cancellationToken: Ct);
        Assert.Equal(("oidc:carl", 0, 0), (carl.Name, carl.Roles.Count, carl.Rules.Count));
        Assert.Equal(StatusCode.PermissionDenied, await ListAsync(controller, nobody));

        await new V1.AccessService.AccessServiceClient(controller.Local()).ApplyBindingAsync(new() { Binding = new() { Name = "carl", Subject = "oidc:carl", Role = "viewer" } }, cancellationToken: Ct);
        Assert.Equal(StatusCode.OK, await ListAsync(controller, nobody));
        Assert.Equal(1, issuer.Asked);
    }

    [Fact]
    public async Task Change_ByATokenOfTheIssuer_IsInTheAuditTrailWithItsName()
    {
        await using var issuer = await TestIssuer.StartAsync(Ct);
        await using var controller = await StartAsync(issuer);

        await new V1.NodeService.NodeServiceClient(controller.Tls(null)).ApplyAsync(new() { Nodes = { Samples.Node() } }, Bearer(issuer.Token("bob", groups: "fleet-operators")), cancellationToken: Ct);

        Assert.Contains(controller.Service<EventLog>().After(0, "ecu1", "", 10), static entry => entry.Draft.Actor == "oidc:bob");
    }

    public static TheoryData<string, string> Wrong => new()
    {
        { "expired", "it is good from" },
        { "not yet valid", "it is good from" },
        { "without an end", "it is good from" },
        { "for another audience", "it is not for qm-fleet" },
        { "of another issuer", "it is of another issuer" },
        { "none", "signed in a way that is not taken" },
        { "NONE", "signed in a way that is not taken" },
        { "HS256 with the public key", "signed in a way that is not taken" },
        { "of a key of another's", "its signature is not that of the key it names" },
        { "changed after it was signed", "its signature is not that of the key it names" },
        { "with crit", "asks for what is not known here" },
        { "without a key's name", "names no key" },
        { "with a name that has a line break", "is no name" },
        { "with two names", "it does not read" },
        { "rubbish", "it does not read" },
    };

    [Theory, MemberData(nameof(Wrong))]
    public async Task Token_ThatIsWrong_IsRefusedWithWhyAndNotShown(string what, string says)
    {
        await using var issuer = await TestIssuer.StartAsync(Ct);
        await using var controller = await StartAsync(issuer);
        var token = Make(issuer, what);

        var error = await Assert.ThrowsAsync<RpcException>(async () => await new V1.FleetService.FleetServiceClient(controller.Tls(null)).ListAsync(new(), Bearer(token), cancellationToken: Ct));

        Assert.Equal(StatusCode.Unauthenticated, error.StatusCode);
        Assert.Contains(says, error.Status.Detail, StringComparison.Ordinal);
        Assert.DoesNotContain(token.Split('.')[^1] is { Length: > 4 } part ? part : token, error.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Key_ThatIsRotated_IsTakenUpAtOnceAndTheOldOneIsGone()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var issuer = await TestIssuer.StartAsync(Ct);
        await using var controller = await StartAsync(issuer, time);
        var before = issuer.Token(now: time.GetUtcNow(), change: static token => token.Expires = token.Expires!.Value.AddHours(1), groups: "fleet-viewers");
        Assert.Equal(StatusCode.OK, await ListAsync(controller, before));

        issuer.Rotate();
        time.Advance(Controller.Security.Oidc.IssuerKeys.Pause);
        var after = issuer.Token(now: time.GetUtcNow(), groups: "fleet-viewers");

        Assert.Equal((StatusCode.OK, StatusCode.Unauthenticated), (await ListAsync(controller, after), await ListAsync(controller, before)));
        Assert.Equal(2, issuer.Asked);
    }

    [Fact]
    public async Task UnknownKeys_AFloodOfThem_AskTheIssuerOnceInAWhile()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var issuer = await TestIssuer.StartAsync(Ct);
        await using var controller = await StartAsync(issuer, time);
        var good = issuer.Token(now: time.GetUtcNow(), groups: "fleet-viewers");
        Assert.Equal(StatusCode.OK, await ListAsync(controller, good));
        var tokens = Enumerable.Range(0, GuessLimit.Most - 1).Select(number => issuer.Forged($$"""{"alg":"ES256","kid":"nobody{{number}}"}""", static bytes => bytes[..64])).ToList();

        var answers = await Task.WhenAll(tokens.Select(token => ListAsync(controller, token)));

        Assert.All(answers, static answer => Assert.Equal(StatusCode.Unauthenticated, answer));
        Assert.Equal(1, issuer.Asked);
        Assert.Equal(StatusCode.OK, await ListAsync(controller, good));
        time.Advance(Controller.Security.Oidc.IssuerKeys.Pause);
        Assert.Equal(StatusCode.Unauthenticated, await ListAsync(controller, tokens[0]));
        Assert.Equal(2, issuer.Asked);
        // Guesses of an address are bounded here as for the controller's own tokens.
        Assert.Equal(StatusCode.ResourceExhausted, await ListAsync(controller, tokens[0]));
    }

    [Fact]
    public async Task Issuer_ThatIsDown_IsToldToItsCallersAndKeepsNobodyElse()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var issuer = await TestIssuer.StartAsync(Ct);
        await using var controller = await StartAsync(issuer, time);
        issuer.IsDown = true;
        var token = issuer.Token(now: time.GetUtcNow(), change: static made => made.Expires = made.Expires!.Value.AddHours(20), groups: "fleet-viewers");

        var down = await Assert.ThrowsAsync<RpcException>(async () => await new V1.FleetService.FleetServiceClient(controller.Tls(null)).ListAsync(new(), Bearer(token), cancellationToken: Ct));
        Assert.Equal(StatusCode.Unavailable, down.StatusCode);
        Assert.Contains("cannot be asked for its keys", down.Status.Detail, StringComparison.Ordinal);
        Assert.Contains("answered 503", down.Status.Detail, StringComparison.Ordinal);
        Assert.NotEmpty((await new V1.AccessService.AccessServiceClient(controller.Local()).WhoAmIAsync(new(), cancellationToken: Ct)).Roles);

        issuer.IsDown = false;
        time.Advance(Controller.Security.Oidc.IssuerKeys.Pause);
        Assert.Equal(StatusCode.OK, await ListAsync(controller, token));
        // What is known is good for a while without it.
        issuer.IsDown = true;
        time.Advance(Controller.Security.Oidc.IssuerKeys.Fresh);
        Assert.Equal(StatusCode.OK, await ListAsync(controller, token));
        time.Advance(Controller.Security.Oidc.IssuerKeys.Lasting);
        Assert.Equal(StatusCode.Unavailable, await ListAsync(controller, token));
    }

    [Fact]
    public async Task Issuer_WhoseMetadataAreAnothers_IsNotBelieved()
    {
        await using var issuer = await TestIssuer.StartAsync(Ct);
        await using var controller = await StartAsync(issuer);
        issuer.Named = "https://evil.example";

        Assert.Equal(StatusCode.Unavailable, await ListAsync(controller, issuer.Token(groups: "fleet-viewers")));
    }

    [Fact]
    public async Task Watch_OfAToken_EndsWhenTheTokenDoes()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var issuer = await TestIssuer.StartAsync(Ct);
        await using var controller = await StartAsync(issuer, time);
        var token = issuer.Token(now: time.GetUtcNow(), groups: "fleet-viewers");
        using var watch = new V1.EventService.EventServiceClient(controller.Tls(null)).Watch(new() { After = -1 }, Bearer(token), cancellationToken: Ct);
        await watch.ResponseHeadersAsync;

        time.Advance(TimeSpan.FromMinutes(5) + new OidcOptions().ClockSkew);

        await watch.EndsAsync();
        Assert.Equal(StatusCode.Unauthenticated, await ListAsync(controller, token));
    }

    [Fact]
    public async Task Tokens_WithoutAnIssuer_AreNoTokens()
    {
        await using var issuer = await TestIssuer.StartAsync(Ct);
        await using var controller = await RunningController.StartAsync();

        Assert.Equal(StatusCode.Unauthenticated, await ListAsync(controller, issuer.Token(groups: "fleet-viewers")));
        Assert.Equal(0, issuer.Asked);
    }

    [Fact]
    public void Options_WrongInEveryPart_NameAllOfThem()
    {
        var wrong = new OidcOptions
        {
            Issuer = "http://127.0.0.1:1",
            NameClaim = "",
            Roles = ["groups", "groups=x:agent", "groups=x:No Role"],
            ClockSkew = TimeSpan.FromMinutes(6),
            Accepted = ["none", "HS256"],
        };

        Assert.Equal(
            ["--oidc-issuer", "--oidc-audience", "--oidc-name-claim", "--oidc-role", "--oidc-role", "--oidc-role", "--oidc-clock-skew", "--oidc-algorithm", "--oidc-algorithm"],
            wrong.Problems().Select(static problem => problem.Split(':')[0]));
        Assert.Single(new OidcOptions { Audience = "x" }.Problems());
        Assert.Empty(new OidcOptions { Issuer = "https://login.example/realms/fleet", Audience = "qm-fleet", Roles = ["groups=cn=ops,dc=example:operator"] }.Problems());
        Assert.False(new OidcOptions { AllowsHttpOnLoopback = true }.Admits(new("http://login.example")));
        Assert.Equal(new OidcRole("groups", "https://x:1", "viewer"), OidcRole.TryParse("groups=https://x:1:viewer"));
    }

    private static string Make(TestIssuer issuer, string what)
    {
        var past = DateTimeOffset.UtcNow.AddHours(-1);
        switch (what)
        {
            case "expired": return issuer.Token(now: past, groups: "fleet-viewers");
            case "not yet valid": return issuer.Token(now: DateTimeOffset.UtcNow.AddMinutes(2), groups: "fleet-viewers");
            case "without an end": return issuer.Token(change: static token => token.Expires = null, groups: "fleet-viewers");
            case "for another audience": return issuer.Token(change: static token => token.Audience = "others", groups: "fleet-viewers");
            case "of another issuer": return issuer.Token(change: static token => token.Issuer = "https://evil.example", groups: "fleet-viewers");
            case "none" or "NONE": return issuer.Forged($$"""{"alg":"{{what}}","kid":"{{issuer.Key.Key.KeyId}}"}""", static _ => []);
            case "HS256 with the public key":
                var point = ((ECDsaSecurityKey)issuer.Key.Key).ECDsa.ExportSubjectPublicKeyInfo();
                return issuer.Forged($$"""{"alg":"HS256","kid":"{{issuer.Key.Key.KeyId}}"}""", bytes => HMACSHA256.HashData(point, bytes));
            case "of a key of another's":
                using (var other = ECDsa.Create(ECCurve.NamedCurves.nistP256))
                {
                    return issuer.Forged($$"""{"alg":"ES256","kid":"{{issuer.Key.Key.KeyId}}"}""", bytes => other.SignData(bytes, HashAlgorithmName.SHA256));
                }
            case "changed after it was signed":
                var parts = issuer.Token("ann", groups: "fleet-viewers").Split('.');
                return $"{parts[0]}.{Base64UrlEncoder.Encode(Encoding.UTF8.GetString(Base64UrlEncoder.DecodeBytes(parts[1])).Replace("ann", "bob", StringComparison.Ordinal))}.{parts[2]}";
            case "with crit":
                return issuer.Forged($$"""{"alg":"ES256","kid":"{{issuer.Key.Key.KeyId}}","crit":["exp"]}""", Sign);
            case "without a key's name":
                return issuer.Forged("""{"alg":"ES256"}""", Sign);
            case "with a name that has a line break": return issuer.Token("ann\nadmin:root", groups: "fleet-viewers");
            case "with two names": return issuer.Token(change: static token => token.Claims["sub"] = new[] { "ann", "bob" }, groups: "fleet-viewers");
            default: return "a.b.c";
        }

        byte[] Sign(byte[] bytes) => ((ECDsaSecurityKey)issuer.Key.Key).ECDsa.SignData(bytes, HashAlgorithmName.SHA256);
    }

    private static Task<RunningController> StartAsync(TestIssuer issuer, TimeProvider? time = null) => RunningController.StartAsync(
        services =>
        {
            if (time is not null)
            {
                services.Replace(ServiceDescriptor.Singleton(time));
            }
        },
        options => options.Oidc = issuer.Options);

    private static Metadata Bearer(string token) => new() { { "authorization", $"Bearer {token}" } };

    private static async Task<StatusCode> ListAsync(RunningController controller, string token)
    {
        try
        {
            await new V1.FleetService.FleetServiceClient(controller.Tls(null)).ListAsync(new(), Bearer(token), cancellationToken: Ct);
            return StatusCode.OK;
        }
        catch (RpcException e)
        {
            return e.StatusCode;
        }
    }
}
