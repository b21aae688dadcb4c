using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using Qm.Fleet.Controller.Storage;

namespace Qm.Fleet.Controller.Tests.Attacks;

/// <summary>Requests that a server in front would take for one, and this one for two, or the other way round.</summary>
[Trait("Requirement", "QMF-ATTACK-008")]
public sealed class SmugglingTests
{
    /// <summary>The beginning of a request, which the next one on the connection would end, with the token of whoever sends that.</summary>
    private const string Hidden = "DELETE /v1/fleets/cockpit HTTP/1.1\r\nHost: localhost\r\nX-A: ";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public static TheoryData<string, string> Requests => new()
    {
        { "both, the encoding last", $"Content-Length: {5 + Hidden.Length}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{Hidden}" },
        { "both, the length last", $"Transfer-Encoding: chunked\r\nContent-Length: {5 + Hidden.Length}\r\n\r\n0\r\n\r\n{Hidden}" },
        { "two lengths", $"Content-Length: 2\r\nContent-Length: {2 + Hidden.Length}\r\n\r\n{{}}{Hidden}" },
        { "two lengths in one", $"Content-Length: 2, {2 + Hidden.Length}\r\n\r\n{{}}{Hidden}" },
        { "a length with a sign", $"Content-Length: +2\r\n\r\n{{}}{Hidden}" },
        { "a negative length", $"Content-Length: -2\r\n\r\n{{}}{Hidden}" },
        { "a length in hexadecimal", $"Content-Length: 0x2\r\n\r\n{{}}{Hidden}" },
        { "a space before the colon", $"Content-Length : 2\r\nContent-Length: {2 + Hidden.Length}\r\n\r\n{{}}{Hidden}" },
        { "another encoding behind", $"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n{Hidden}" },
        { "an encoding that is none", $"Transfer-Encoding: xchunked\r\nContent-Length: 2\r\n\r\n{{}}{Hidden}" },
        { "two encodings", $"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n{Hidden}" },
        { "a folded encoding", $"Transfer-Encoding:\r\n chunked\r\nContent-Length: 2\r\n\r\n{{}}{Hidden}" },
        { "a folded header", $"X-A: b\r\n Content-Length: 2\r\nContent-Length: {2 + Hidden.Length}\r\n\r\n{{}}{Hidden}" },
        { "line feeds alone", $"X-A: b\nTransfer-Encoding: chunked\nContent-Length: 2\r\n\r\n{{}}{Hidden}" },
        { "a return in a value", $"X-A: b\rContent-Length: 2\r\n\r\n{{}}{Hidden}" },
        { "a length of a chunk with a sign", $"Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n{Hidden}" },
        { "a length of a chunk that comes round", $"Transfer-Encoding: chunked\r\n\r\n10000000000000002\r\n{{}}\r\n0\r\n\r\n{Hidden}" },
    };

    // Between clients with tokens and the controller somebody may carry the requests of all of them on one connection.
    [Theory, MemberData(nameof(Requests))]
    public async Task Request_OfTwoLengths_IsOneAndTheNextIsNotItsEnd(string what, string rest)
    {
        await using var controller = await RunningController.StartAsync();
        await ApplyAsync(controller);
        var (attacker, victim) = (await TokenAsync(controller, "viewer"), await TokenAsync(controller, "admin"));
        await using var tls = await RawTls.ConnectAsync(controller, null, SslApplicationProtocol.Http11);

        await Record.ExceptionAsync(() => tls.SendAsync(
            $"POST /v1/fleets:plan HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {attacker}\r\nContent-Type: application/json\r\n{rest}"
            + $"GET /v1/fleets HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {victim}\r\n\r\n"));
        var answers = await tls.AnswersAsync();

        Assert.True(answers.Split("HTTP/1.1 ").Length - 1 <= 1, $"{what} was answered {answers}");
        Assert.DoesNotContain("HTTP/1.1 500", answers, StringComparison.Ordinal);
        Assert.NotNull(controller.Service<FleetStore>().Find("cockpit"));
        // One of these two somebody in front may have gone by: it is not read at all.
        Assert.True(!what.StartsWith("both", StringComparison.Ordinal) || answers.Contains("has both a Content-Length and a Transfer-Encoding", StringComparison.Ordinal), $"{what} was answered {answers}");
    }

    [Fact]
    public async Task Upgrade_ToHttp2WithoutTls_IsNotDone()
    {
        await using var controller = await RunningController.StartAsync();
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(controller.Options.RestSocket), Ct);
        await using var stream = new NetworkStream(socket);

        await stream.WriteAsync("GET /v1/fleets HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n"u8.ToArray(), Ct);

        Assert.StartsWith("HTTP/1.1 200 ", await RawTls.AnswersAsync(stream), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Preface_OfHttp2WhereHttp1IsSpoken_IsRefused()
    {
        await using var controller = await RunningController.StartAsync();
        using var admin = Forger.Admin(controller);
        await using var tls = await RawTls.ConnectAsync(controller, admin, SslApplicationProtocol.Http11);

        await tls.SendAsync("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

        var answers = await tls.AnswersAsync();
        Assert.True(answers.Length == 0 || answers.StartsWith("HTTP/1.1 4", StringComparison.Ordinal) || answers.StartsWith("HTTP/1.1 505", StringComparison.Ordinal), answers);
    }

    // gRPC is a content type and not a path: over HTTP/1.1 it is no call, and JSON is none of gRPC.
    [Theory]
    [InlineData("POST /qm.fleet.v1.FleetService/Delete HTTP/1.1", "application/grpc", "\0\0\0\0\t\n\acockpit")]
    [InlineData("POST /qm.fleet.v1.FleetService/Delete HTTP/1.1", "application/json", "{\"name\": \"cockpit\"}")]
    [InlineData("DELETE /v1/fleets/cockpit HTTP/1.1", "application/grpc", "\0\0\0\0\t\n\acockpit")]
    [InlineData("POST /v1/fleets/cockpit HTTP/1.1", "application/json", "{\"_method\": \"DELETE\"}")]
    public async Task Call_OfTheOtherKind_DoesNothing(string line, string type, string body)
    {
        await using var controller = await RunningController.StartAsync();
        await ApplyAsync(controller);
        using var viewer = Forger.Make("OU=viewer, CN=eve", Forger.Authority(controller));
        await using var tls = await RawTls.ConnectAsync(controller, viewer, SslApplicationProtocol.Http11);

        await tls.SendAsync($"{line}\r\nHost: localhost\r\nX-HTTP-Method-Override: DELETE\r\nConnection: close\r\nContent-Type: {type}\r\nContent-Length: {Encoding.Latin1.GetByteCount(body)}\r\n\r\n{body}");

        var answer = await tls.AnswersAsync();
        Assert.True(!answer.Contains("HTTP/1.1 2", StringComparison.Ordinal) || answer.Contains("grpc-status: 7", StringComparison.OrdinalIgnoreCase), answer);
        Assert.NotNull(controller.Service<FleetStore>().Find("cockpit"));
    }

    private static async Task<string> TokenAsync(RunningController controller, string role) =>
        (await new V1.AccessService.AccessServiceClient(controller.Local()).CreateTokenAsync(new V1.CreateTokenRequest { Name = role, Role = role }, cancellationToken: Ct)).Secret;

    private static async Task ApplyAsync(RunningController controller) =>
        await new V1.FleetService.FleetServiceClient(controller.Local()).ApplyAsync(new V1.ApplyFleetsRequest { Fleets = { Samples.Fleet() } }, cancellationToken: Ct);
}
