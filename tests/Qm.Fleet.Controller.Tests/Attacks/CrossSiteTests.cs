using System.Net;
using System.Net.Security;
using System.Text;
using Qm.Fleet.Controller.Storage;

namespace Qm.Fleet.Controller.Tests.Attacks;

/// <summary>What a page can have a browser send, whose user has a certificate.</summary>
[Trait("Requirement", "QMF-ATTACK-010")]
public sealed class CrossSiteTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("GET", "/v1/fleets", "Origin", "https://elsewhere.example")]
    [InlineData("GET", "/v1/fleets", "Origin", "null")]
    [InlineData("POST", "/v1/nodes/ecu1:cordon", "Origin", "https://elsewhere.example")]
    [InlineData("OPTIONS", "/v1/nodes/ecu1:cordon", "Origin", "https://elsewhere.example")]
    [InlineData("GET", "/v1/fleets", "Sec-Fetch-Site", "cross-site")]
    [InlineData("GET", "/v1/fleets", "Sec-Fetch-Site", "same-site")]
    [InlineData("POST", "/v1/nodes/ecu1:cordon", "Sec-Fetch-Site", "cross-site")]
    [InlineData("GET", "/openapi/v1.json", "Sec-Fetch-Site", "cross-site")]
    [InlineData("GET", "/openapi/v1.json", "Origin", "https://elsewhere.example")]
    [InlineData("POST", "/qm.fleet.v1.FleetService/List", "Origin", "https://elsewhere.example")]
    public async Task Request_OfAPage_IsRefusedAndNotAllowedByHeaders(string verb, string path, string header, string value)
    {
        await using var controller = await RunningController.StartAsync();
        await new V1.NodeService.NodeServiceClient(controller.Local()).ApplyAsync(new V1.ApplyNodesRequest { Nodes = { Samples.Node() } }, cancellationToken: Ct);

        using var response = await SendAsync(controller, verb, path, (header, value));

        Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
        Assert.DoesNotContain(response.Headers, static sent => sent.Key.StartsWith("Access-Control", StringComparison.OrdinalIgnoreCase));
        Assert.All(controller.Service<NodeStore>().After("", 10), static node => Assert.False(node.Cordoned));
    }

    [Fact]
    public async Task Address_ThatAUserTyped_IsShown()
    {
        await using var controller = await RunningController.StartAsync();

        using var response = await SendAsync(controller, "GET", "/v1/fleets", ("Sec-Fetch-Site", "none"));

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    [Theory]
    [InlineData("text/plain")]
    [InlineData("application/x-www-form-urlencoded")]
    [InlineData("multipart/form-data; boundary=a")]
    [InlineData("text/plain; application/json")]
    [InlineData("application/json-patch")]
    [InlineData(null)]
    public async Task Body_ThatAFormCanSend_IsNotRead(string? type)
    {
        await using var controller = await RunningController.StartAsync();
        using var content = new ByteArrayContent(Encoding.UTF8.GetBytes("""{"nodes": [{"metadata": {"name": "ecu1"}}]}"""));
        if (type is not null)
        {
            content.Headers.TryAddWithoutValidation("Content-Type", type);
        }

        using var response = await controller.Http("").PostAsync("/v1/nodes:apply", content, Ct);

        Assert.Equal(HttpStatusCode.UnsupportedMediaType, response.StatusCode);
        Assert.Empty(controller.Service<NodeStore>().After("", 10));
    }

    [Theory]
    [InlineData("rebound.example", 421)]
    [InlineData("rebound.example:8420", 421)]
    [InlineData("localhost.rebound.example", 421)]
    [InlineData("localhost", 200)]
    [InlineData("LOCALHOST", 200)]
    [InlineData("127.0.0.1:8420", 200)]
    [InlineData("[::1]", 200)]
    [InlineData("controller.example", 200)]
    public async Task Host_ThatIsNoNameOfTheController_IsRefused(string host, int status)
    {
        await using var controller = await RunningController.StartAsync(adjust: static options => options.Names = ["controller.example"]);

        using var admin = Forger.Admin(controller);
        await using var tls = await RawTls.ConnectAsync(controller, admin, SslApplicationProtocol.Http11);

        await tls.SendAsync($"GET /v1/fleets HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");

        Assert.StartsWith(FormattableString.Invariant($"HTTP/1.1 {status} "), await tls.AnswersAsync(), StringComparison.Ordinal);
    }

    // The metrics are not authenticated: that a name was made to resolve to loopback must not let a page read them.
    [Fact]
    public async Task Metrics_UnderAReboundName_AreNotShown()
    {
        await using var controller = await RunningController.StartAsync(adjust: static options => options.Metrics = "127.0.0.1:0");
        using var client = new HttpClient { BaseAddress = controller.MetricsAddress };
        using var rebound = new HttpRequestMessage(HttpMethod.Get, "/metrics") { Headers = { Host = "rebound.example" } };
        using var page = new HttpRequestMessage(HttpMethod.Get, "/metrics") { Headers = { { "Origin", "https://elsewhere.example" } } };

        Assert.Equal(HttpStatusCode.MisdirectedRequest, (await client.SendAsync(rebound, Ct)).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, (await client.SendAsync(page, Ct)).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("/metrics", Ct)).StatusCode);
    }

    private static async Task<HttpResponseMessage> SendAsync(RunningController controller, string verb, string path, (string Name, string Value) header)
    {
        using var request = new HttpRequestMessage(new HttpMethod(verb), path);
        request.Headers.TryAddWithoutValidation(header.Name, header.Value);
        return await controller.Http("").SendAsync(request, Ct);
    }
}
