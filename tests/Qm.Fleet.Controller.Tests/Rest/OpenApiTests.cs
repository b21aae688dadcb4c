using System.Text.Json.Nodes;
using Qm.Fleet.Controller.Rest;
using Qm.Fleet.Controller.Rest.OpenApi;
using Qm.Fleet.Foreign;

namespace Qm.Fleet.Controller.Tests.Rest;

[Trait("Requirement", "QMF-REST-005")]
public sealed class OpenApiTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Document_ForAPublicValidator_IsValidAndComplete()
    {
        var (code, output, errors) = await NodeProgram.RunAsync("validate-openapi.mjs", [], await OpenApiWriter.WriteAsync(ProtoComments.Read(), Ct));

        Assert.True(code == 0, $"it is not valid: {errors}");
        Assert.Equal($"valid: OpenAPI 3.0.4, {Routes.Count} operations", output.Trim());
    }

    [Fact]
    public async Task Document_AsServed_HasEveryRouteWithItsComment()
    {
        await using var controller = await RunningController.StartAsync();
        var document = JsonNode.Parse(await controller.Http("").GetStringAsync("/openapi/v1.json", Ct))!;

        var operations = document["paths"]!.AsObject().SelectMany(static path => path.Value!.AsObject())
            .ToDictionary(static operation => (string)operation.Value!["operationId"]!, static operation => operation.Value!);

        Assert.Equal(
            Routes.Select(static route => $"{route.Method.Service.Name}_{route.Method.Name}").Distinct().Order(StringComparer.Ordinal),
            operations.Keys.Where(static id => id.Split('_').Length == 2).Order(StringComparer.Ordinal));
        Assert.Equal(Routes.Count, operations.Count);
        Assert.All(operations.Values, static operation => Assert.NotEqual("", (string?)operation["description"]));
        Assert.All(document["components"]!["schemas"]!.AsObject().Where(static schema => !schema.Key.StartsWith("google.", StringComparison.Ordinal)), static schema => Assert.NotEmpty((string?)schema.Value!["description"] ?? ""));
        Assert.Equal("Its name, such as operations/cockpit/7.", (string?)operations["OperationService_Get"]["parameters"]![0]!["description"]);
    }

    [Fact]
    public void Services_ThatPeopleMayCall_AreAllThere() => Assert.Equal(
        Controller.Security.AccessRules.ByMethod.Where(static rule => rule.Value.Resource != Qm.Fleet.Core.Access.AccessResource.Gateway && rule.Key.StartsWith("/qm.fleet.", StringComparison.Ordinal)).Select(static rule => rule.Key.Split('/')[1]).Distinct().Order(StringComparer.Ordinal),
        ApiServices.All.Select(static service => service.FullName).Order(StringComparer.Ordinal));

    [Fact]
    public void Methods_AllOfThem_HaveARoute() => Assert.Equal(
        ["qm.fleet.v1.ArtifactService.Push"], // a stream from the client, which HTTP has no JSON for
        ApiServices.All.SelectMany(static service => service.Methods).Where(static method => !ApiServices.Routes(method).Any()).Select(static method => method.FullName));

    private static List<RestRoute> Routes => [.. ApiServices.All.SelectMany(static service => service.Methods).SelectMany(ApiServices.Routes)];
}
