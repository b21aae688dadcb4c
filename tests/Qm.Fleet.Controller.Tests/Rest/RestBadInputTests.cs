using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;

namespace Qm.Fleet.Controller.Tests.Rest;

/// <summary>What only somebody with bad intentions sends over REST; what is too large, or no JSON at all, is in RestTests, and over gRPC it is in BadInputTests.</summary>
[Trait("Requirement", "QMF-API-062")]
[Trait("Requirement", "QMF-REST-002")]
public sealed class RestBadInputTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Json_NestedTenThousandLevels_IsRefusedWithHowManyThereMayBe()
    {
        await using var controller = await RunningController.StartAsync();
        // A quadlet may have anything in it, so only the depth is wrong.
        var deep = """{"fleets": [{"metadata": {"name": "cockpit"}, "spec": {"environment": {"workloads": [{"name": "radio", "quadlet": """
            + string.Concat(Enumerable.Repeat("{\"a\":", 10_000)) + "1" + new string('}', 10_000) + "}]}}}]}";

        var (status, answer) = await SendAsync(controller, HttpMethod.Post, "/v1/fleets:apply", Encoding.UTF8.GetBytes(deep));

        AssertInvalid(status, answer, "", "30 levels");
    }

    [Fact]
    public async Task Body_ThatIsNoUtf8_IsRefusedAndNothingIsStored()
    {
        await using var controller = await RunningController.StartAsync();
        byte[] body = [.. """{"nodes": [{"metadata": {"name": "ecu1", "labels": {"zone": "a"""u8, 0xc3, 0x28, .. "\"}}}]}"u8];

        var (status, answer) = await SendAsync(controller, HttpMethod.Post, "/v1/nodes:apply", body);

        AssertInvalid(status, answer, "", "it is not UTF-8");
        Assert.Empty(await NodesAsync(controller));
    }

    [Fact]
    public async Task PageToken_TamperedWith_IsRefused()
    {
        await using var controller = await RunningController.StartAsync();
        await new V1.NodeService.NodeServiceClient(controller.Local()).ApplyAsync(new V1.ApplyNodesRequest { Nodes = { Samples.Node("ecu1"), Samples.Node("ecu2") } }, cancellationToken: Ct);
        var (_, page) = await SendAsync(controller, HttpMethod.Get, "/v1/nodes?pageSize=1");
        var token = (string)page["nextPageToken"]!;
        string[] tampered = [token[1..], token + "A", new string([.. token.Reverse()]), "AAAA", "!", new string('A', 5000)];

        foreach (var other in tampered.Where(other => other != token))
        {
            var (status, answer) = await SendAsync(controller, HttpMethod.Get, $"/v1/nodes?pageSize=1&pageToken={Uri.EscapeDataString(other)}");
            AssertInvalid(status, answer, "page_token", "");
        }
        // Nor does a token of one list read on in another.
        var (foreign, told) = await SendAsync(controller, HttpMethod.Get, $"/v1/nodes?pageSize=1&selector=zone%3Drear&pageToken={Uri.EscapeDataString(token)}");
        AssertInvalid(foreign, told, "page_token", "");
    }

    [Fact]
    public async Task Mask_OfUnknownFields_IsRefusedWithThoseThereAre()
    {
        await using var controller = await RunningController.StartAsync();
        await new V1.NodeService.NodeServiceClient(controller.Local()).ApplyAsync(new V1.ApplyNodesRequest { Nodes = { Samples.Node("ecu1") } }, cancellationToken: Ct);

        var (read, shown) = await SendAsync(controller, HttpMethod.Get, "/v1/nodes?readMask=noSuch,spec.norThis");
        AssertInvalid(read, shown, "read_mask", "metadata");
        var (updated, changed) = await SendAsync(controller, HttpMethod.Patch, "/v1/nodes/ecu1?updateMask=spec.norThis", """{"spec": {"cordoned": true}}"""u8.ToArray());
        AssertInvalid(updated, changed, "update_mask", "cordoned");
    }

    private static void AssertInvalid(HttpStatusCode status, JsonNode answer, string field, string says)
    {
        Assert.Equal((HttpStatusCode.BadRequest, 3), (status, (int)answer["code"]!));
        Assert.Equal("INVALID", (string?)answer["details"]![0]!["reason"]);
        var violations = answer["details"]!.AsArray().Single(static detail => ((string?)detail!["@type"])!.EndsWith("BadRequest", StringComparison.Ordinal))!["fieldViolations"]!.AsArray();
        Assert.All(violations, violation => Assert.StartsWith(field, (string?)violation!["field"] ?? "", StringComparison.Ordinal));
        Assert.Contains(says, (string)answer["message"]!, StringComparison.Ordinal);
    }

    private static async Task<IReadOnlyList<V1.Node>> NodesAsync(RunningController controller) =>
        (await new V1.NodeService.NodeServiceClient(controller.Local()).ListAsync(new V1.ListNodesRequest(), cancellationToken: Ct)).Nodes;

    private static async Task<(HttpStatusCode Status, JsonNode Answer)> SendAsync(RunningController controller, HttpMethod method, string path, byte[]? body = null)
    {
        using var request = new HttpRequestMessage(method, path);
        if (body is not null)
        {
            request.Content = new ByteArrayContent(body) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } };
        }
        using var response = await controller.Http("").SendAsync(request, Ct);
        return (response.StatusCode, JsonNode.Parse(await response.Content.ReadAsStringAsync(Ct))!);
    }
}
