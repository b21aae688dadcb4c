using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;

namespace Qm.Fleet.Controller.Tests.Rest;

public sealed class RestTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    [Trait("Requirement", "QMF-REST-001")]
    public async Task Fleet_OverItsLife_IsThereAsOverGrpc(bool overTls)
    {
        await using var controller = await RunningController.StartAsync();
        var client = overTls ? controller.Http("") : controller.Rest();

        var (applied, answer) = await SendAsync(client, HttpMethod.Post, "/v1/fleets:apply", Body(Samples.Fleet()));
        Assert.Equal(HttpStatusCode.OK, applied);
        Assert.Equal("CREATED", (string?)answer["results"]![0]!["result"]);
        Assert.Equal("1", (string?)answer["results"]![0]!["fleet"]!["metadata"]!["generation"]);

        var (_, fleet) = await SendAsync(client, HttpMethod.Get, "/v1/fleets/cockpit");
        var same = await new V1.FleetService.FleetServiceClient(controller.Local()).GetAsync(new V1.GetFleetRequest { Name = "cockpit" }, cancellationToken: Ct);
        Assert.Equal(same, V1.Fleet.Parser.ParseJson(fleet.ToJsonString()));

        var (_, list) = await SendAsync(client, HttpMethod.Get, "/v1/fleets?selector=program%3Datlas&pageSize=1");
        Assert.Equal("cockpit", (string?)list["fleets"]![0]!["metadata"]!["name"]);

        Assert.Equal(HttpStatusCode.OK, (await SendAsync(client, HttpMethod.Delete, "/v1/fleets/cockpit?on_delete=orphan")).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await SendAsync(client, HttpMethod.Get, "/v1/fleets/cockpit")).Status);
    }

    [Fact]
    [Trait("Requirement", "QMF-REST-001")]
    public async Task Watch_OverRest_IsALineForEachMessage()
    {
        await using var controller = await RunningController.StartAsync();
        var client = controller.Http("");
        await SendAsync(client, HttpMethod.Post, "/v1/fleets:apply", Body(Samples.Fleet()));

        using var response = await client.GetAsync("/v1/fleets:watch", HttpCompletionOption.ResponseHeadersRead, Ct);
        using var lines = new StreamReader(await response.Content.ReadAsStreamAsync(Ct));
        Assert.Equal("SNAPSHOT", (string?)JsonNode.Parse((await lines.ReadLineAsync(Ct))!)!["type"]);
        Assert.Equal("BOOKMARK", (string?)JsonNode.Parse((await lines.ReadLineAsync(Ct))!)!["type"]);
        await SendAsync(client, HttpMethod.Post, "/v1/fleets:apply", Body(Samples.Fleet(memoryMax: "2G")));

        var change = JsonNode.Parse((await lines.ReadLineAsync(Ct).AsTask().WaitAsync(RunningController.Deadline, Ct))!)!;
        Assert.Equal("MODIFIED", (string?)change["type"]);
        Assert.Equal("2G", (string?)change["fleet"]!["spec"]!["environment"]!["resources"]!["MemoryMax"]);
    }

    // What is not set is left out, and an answer that is no more than yes or no is always set.
    [Fact]
    [Trait("Requirement", "QMF-REST-001")]
    public async Task Answer_ThatIsNo_SaysSo()
    {
        await using var controller = await RunningController.StartAsync();
        await new V1.AccessService.AccessServiceClient(controller.Local()).ApplyRoleAsync(
            new() { Role = new() { Name = "keeper", Rules = { new V1.AccessRule { Deny = true, Verbs = { "delete" }, Resources = { "fleets" } } } } }, cancellationToken: Ct);
        await new V1.AccessService.AccessServiceClient(controller.Local()).ApplyBindingAsync(new() { Binding = new() { Name = "no", Subject = "admin:local-admin", Role = "keeper" } }, cancellationToken: Ct);

        var (status, answer) = await SendAsync(controller.Http(""), HttpMethod.Post, "/v1/access:canI", Json("""{"verb": "delete", "resource": "fleets"}"""));

        Assert.Equal(HttpStatusCode.OK, status);
        Assert.False((bool)answer["allowed"]!);
    }

    [Fact]
    [Trait("Requirement", "QMF-REST-003")]
    public async Task Errors_OfAMethod_AreStatusWithDetails()
    {
        await using var controller = await RunningController.StartAsync();

        var (missing, notFound) = await SendAsync(controller.Http(""), HttpMethod.Get, "/v1/fleets/nobody");
        Assert.Equal(HttpStatusCode.NotFound, missing);
        Assert.Equal(5, (int)notFound["code"]!);
        Assert.Equal("There is no fleet \"nobody\".", (string?)notFound["message"]);
        Assert.Equal(["type.googleapis.com/google.rpc.ErrorInfo", "type.googleapis.com/google.rpc.ResourceInfo"], notFound["details"]!.AsArray().Select(static detail => (string?)detail!["@type"]));

        var bad = Samples.Fleet();
        (bad.Spec.Selector, bad.Spec.Environment.Resources.MemoryMax) = ("zone in (", "3Q");
        var (status, invalid) = await SendAsync(controller.Http(""), HttpMethod.Post, "/v1/fleets:apply", Body(bad));
        Assert.Equal(HttpStatusCode.BadRequest, status);
        Assert.Equal(["fleets[0].spec.selector", "fleets[0].spec.environment.resources.MemoryMax"], Violations(invalid));
    }

    [Fact]
    [Trait("Requirement", "QMF-REST-002")]
    public async Task Input_ThatIsNoMessage_IsRefusedWithEveryProblem()
    {
        await using var controller = await RunningController.StartAsync();

        var (status, answer) = await SendAsync(controller.Http(""), HttpMethod.Post, "/v1/fleets:apply?verbose=1", Json("""{"dryrun": true, "fleets": [{"spec": {"selector": 1}}]}"""));
        Assert.Equal(HttpStatusCode.BadRequest, status);
        Assert.Equal(["verbose", "dryrun", "fleets[0].spec.selector"], Violations(answer));

        (status, answer) = await SendAsync(controller.Http(""), HttpMethod.Get, "/v1/fleets?pagesize=1&page_size=x&selector=a&selector=b");
        Assert.Equal(HttpStatusCode.BadRequest, status);
        Assert.Equal(["pagesize", "pageSize", "selector"], Violations(answer));
    }

    [Theory]
    [Trait("Requirement", "QMF-REST-002")]
    [InlineData("/v1/fleets/%C3%28")]
    [InlineData("/v1/fleets?selector=%FF")]
    [InlineData("/v1/fleets?selector=%2")]
    public async Task Address_ThatIsNoUtf8_IsRefused(string address)
    {
        await using var controller = await RunningController.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(controller.Http("").BaseAddress + address[1..], new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true }));

        using var response = await controller.Http("").SendAsync(request, Ct);

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
    }

    [Fact]
    [Trait("Requirement", "QMF-REST-002")]
    public async Task Body_ThatIsTooLargeOrNotJson_IsRefused()
    {
        await using var controller = await RunningController.StartAsync();
        var client = controller.Http("");
        var large = Json($$"""{"requestId": "{{new string('x', 5 << 20)}}"}""");
        var form = new StringContent("dryRun=true", Encoding.UTF8, "application/x-www-form-urlencoded");
        var packed = Json("{}");
        packed.Headers.ContentEncoding.Add("gzip");
        var latin = Json("{}");
        latin.Headers.ContentType = new MediaTypeHeaderValue("application/json") { CharSet = "iso-8859-1" };

        Assert.Equal((HttpStatusCode.RequestEntityTooLarge, 8), Told(await SendAsync(client, HttpMethod.Post, "/v1/fleets:apply", large)));
        Assert.Equal((HttpStatusCode.UnsupportedMediaType, 3), Told(await SendAsync(client, HttpMethod.Post, "/v1/fleets:apply", form)));
        Assert.Equal((HttpStatusCode.UnsupportedMediaType, 3), Told(await SendAsync(client, HttpMethod.Post, "/v1/fleets:apply", packed)));
        Assert.Equal((HttpStatusCode.UnsupportedMediaType, 3), Told(await SendAsync(client, HttpMethod.Post, "/v1/fleets:apply", latin)));
        Assert.Equal((HttpStatusCode.BadRequest, 3), Told(await SendAsync(client, HttpMethod.Post, "/v1/fleets:apply", Json(string.Concat(Enumerable.Repeat("[", 10_000))))));
    }

    [Fact]
    [Trait("Requirement", "QMF-REST-004")]
    public async Task Page_OfAnotherServer_IsRefused()
    {
        await using var controller = await RunningController.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Delete, "/v1/fleets/cockpit");
        request.Headers.Add("Origin", "https://elsewhere.example");

        using var response = await controller.Http("").SendAsync(request, Ct);

        Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
        Assert.False(response.Headers.Contains("Access-Control-Allow-Origin"));
    }

    [Fact]
    [Trait("Requirement", "QMF-REST-004")]
    [Trait("Requirement", "QMF-RULE-12")]
    public async Task Role_ThatMayNot_IsRefusedInJson()
    {
        await using var controller = await RunningController.StartAsync();

        Assert.Equal((HttpStatusCode.Forbidden, 7), Told(await SendAsync(controller.Http("ecu1"), HttpMethod.Get, "/v1/fleets")));
        Assert.Equal((HttpStatusCode.Forbidden, 7), Told(await SendAsync(controller.Http("ecu1"), HttpMethod.Get, "/openapi/v1.json")));
        Assert.Equal((HttpStatusCode.NotFound, 12), Told(await SendAsync(controller.Http(""), HttpMethod.Get, "/v1/fleet")));
        Assert.Equal((HttpStatusCode.NotFound, 12), Told(await SendAsync(controller.Http(""), HttpMethod.Put, "/v1/fleets")));
    }

    private static (HttpStatusCode Status, int Code) Told((HttpStatusCode Status, JsonNode Answer) told) => (told.Status, (int)told.Answer["code"]!);

    private static IEnumerable<string?> Violations(JsonNode answer) => answer["details"]!.AsArray()
        .Single(static detail => ((string?)detail!["@type"])!.EndsWith("BadRequest", StringComparison.Ordinal))!["fieldViolations"]!.AsArray().Select(static violation => (string?)violation!["field"]);

    private static StringContent Body(V1.Fleet fleet) => Json($$"""{"fleets": [{{fleet}}]}""");

    private static StringContent Json(string text) => new(text, Encoding.UTF8, "application/json");

    private static async Task<(HttpStatusCode Status, JsonNode Answer)> SendAsync(HttpClient client, HttpMethod method, string path, HttpContent? body = null)
    {
        using var request = new HttpRequestMessage(method, path) { Content = body };
        // As curl does: who is refused before it sends sees why, and not a broken pipe.
        request.Headers.ExpectContinue = body?.Headers.ContentLength > 1 << 20;
        using var response = await client.SendAsync(request, Ct);
        return (response.StatusCode, JsonNode.Parse(await response.Content.ReadAsStringAsync(Ct))!);
    }
}
