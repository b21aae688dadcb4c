using System.Net.Security;
using System.Text.RegularExpressions;
using Qm.Fleet.Controller.Storage;

namespace Qm.Fleet.Controller.Tests.Attacks;

/// <summary>Ways to write a path that one reads so and another otherwise: whatever a path leads to, its own rule decides.</summary>
[Trait("Requirement", "QMF-ATTACK-009")]
public sealed partial class PathTests
{
    private static readonly string[] Paths =
    [
        "/v1/fleets/cockpit/../secret", "/v1/fleets/cockpit/%2e%2e/secret", "/v1/fleets/cockpit/%2E%2E/secret", "/v1/fleets/cockpit/..%2fsecret", "/v1/fleets/cockpit%2f..%2fsecret",
        "/v1/fleets/cockpit/%252e%252e/secret", "/v1/fleets/cockpit%252f..%252fsecret", "/v1/fleets/cockpit/..;/secret", "/v1/fleets/cockpit;/../secret", "/v1/fleets/secret;cockpit",
        "/v1/fleets;a=b/secret", "//v1/fleets/secret", "/v1//fleets/secret", "/v1/fleets//secret", "/v1/./fleets/secret", "/./v1/fleets/secret", "/v1/fleets/./secret", "/v1/fleets/secret/",
        "/v1/fleets/secret/.", "/v1/fleets/secret.", "/v1/fleets/secret%20", "/v1/fleets/%20secret", "/v1/fleets/secret%00", "/v1/fleets/secret%00cockpit", "/v1/fleets/cockpit%00/../secret",
        "/V1/FLEETS/secret", "/v1/Fleets/secret", "/v1/fleets/SECRET", "/v1/fleets/%73ecret", "/%76%31/fleets/secret", "/v1%2ffleets%2fsecret", "/v1/fleets/cockpit/..\\secret", "/v1\\fleets\\secret",
        "/v1/fleets/cockpit%5c..%5csecret", "/v1/fleets/secret?name=cockpit", "/v1/fleets/cockpit?name=secret", "/v1/fleets/cockpit?fleet=secret", "/v1/fleets/secret#/cockpit",
        "/v1/fleets/secret%23cockpit", "/v1/fleets/secret%3fcockpit", "/v1/fleets/s\u0065cret", "/v1/fleets/%c0%ae%c0%ae/secret", "/v1/fleets/cockpit/%c0%ae%c0%ae/secret", "/v1/fleets/%ef%bd%93ecret",
        "/v1/fleets/cockpit,secret", "/v1/fleets/*", "/v1/fleets/%2a", "/v1/fleets/secret/revisions:diff", "/v1/fleets/secret:explainRollout", "/v1/fleets/cockpit/../secret:explainRollout",
        "http://localhost/v1/fleets/secret", "https://localhost/v1/fleets/secret", "http://elsewhere.example/v1/fleets/secret", "/v1/fleets/secret%0d%0aX-A:%20b", "/v1/fleets/%e2%80%aesecret",
    ];

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("GET")]
    [InlineData("DELETE")]
    [InlineData("PATCH")]
    [InlineData("get")]
    public async Task Path_WrittenInAnyWay_ShowsAndChangesNothingOutsideOfTheScope(string verb)
    {
        await using var controller = await RunningController.StartAsync();
        var token = await PrepareAsync(controller, "admin");
        foreach (var path in Paths)
        {
            var answer = await SendAsync(controller, verb, path, token);

            Assert.DoesNotContain("top-secret", answer, StringComparison.Ordinal);
            Assert.False(IsDefect(answer), $"{verb} {path} was answered {answer}");
        }
        Assert.NotNull(controller.Service<FleetStore>().Find("secret"));
    }

    [Fact]
    public async Task Path_WrittenInAnyWay_ChangesNothingForWhoMayOnlyLook()
    {
        await using var controller = await RunningController.StartAsync();
        var token = await PrepareAsync(controller, "viewer");
        foreach (var path in Paths.Select(static path => path.Replace("secret", "cockpit", StringComparison.Ordinal)))
        {
            Assert.DoesNotContain("HTTP/1.1 2", await SendAsync(controller, "DELETE", path, token), StringComparison.Ordinal);
        }
        Assert.NotNull(controller.Service<FleetStore>().Find("cockpit"));
    }

    [Fact]
    public async Task Path_WrittenAnotherWayForWhatIsInScope_HasTheSameRule()
    {
        await using var controller = await RunningController.StartAsync();
        var token = await PrepareAsync(controller, "viewer");

        Assert.StartsWith("HTTP/1.1 200 ", await SendAsync(controller, "GET", "/v1/fleets/%63ockpit", token), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 200 ", await SendAsync(controller, "GET", "/v1/fleets/secret/../cockpit", token), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 403 ", await SendAsync(controller, "GET", "/v1/fleets/%73ecret", token), StringComparison.Ordinal);
    }

    private static async Task<string> PrepareAsync(RunningController controller, string role)
    {
        var secret = Samples.Fleet();
        (secret.Metadata.Name, secret.Spec.Selector) = ("secret", "zone=top-secret");
        await new V1.FleetService.FleetServiceClient(controller.Local()).ApplyAsync(new V1.ApplyFleetsRequest { Fleets = { Samples.Fleet(), secret } }, cancellationToken: Ct);
        return (await new V1.AccessService.AccessServiceClient(controller.Local()).CreateTokenAsync(
            new V1.CreateTokenRequest { Name = "ci", Role = role, Scope = new V1.AccessScope { Fleets = { "cockpit" } } }, cancellationToken: Ct)).Secret;
    }

    private static async Task<string> SendAsync(RunningController controller, string verb, string path, string token)
    {
        await using var tls = await RawTls.ConnectAsync(controller, null, SslApplicationProtocol.Http11);
        await tls.SendAsync($"{verb} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n");
        return await tls.AnswersAsync();
    }

    private static bool IsDefect(string answer) => Defect().IsMatch(answer);

    [GeneratedRegex("^HTTP/1.1 500 ")]
    private static partial Regex Defect();
}
