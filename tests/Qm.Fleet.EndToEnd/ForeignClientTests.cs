using System.Text.Json.Nodes;
using Qm.Fleet.Foreign;
using Xunit;

namespace Qm.Fleet.EndToEnd;

/// <summary>A client of another tool chain, which knows of the API only what the server's reflection tells it, against a running lab.</summary>
public sealed class ForeignClientTests : IAsyncLifetime
{
    private FleetLab _lab = null!;

    public async ValueTask InitializeAsync() => _lab = await FleetLab.StartAsync(nodes: 2);

    public ValueTask DisposeAsync() => _lab.DisposeAsync();

    [Fact]
    [Trait("Requirement", "QMF-API-060")]
    public async Task Node_WithNothingButReflection_ListsAppliesWatchesAndWaits()
    {
        var pki = Path.Combine(_lab.Lab.Directory.ControllerState, "pki/admin");

        var (code, output, errors) = await NodeProgram.RunAsync(
            "foreign-client.mjs", [$"localhost:{new Uri(_lab.Lab.Endpoint).Port}", Path.Combine(pki, "ca.crt"), Path.Combine(pki, "admin.crt"), Path.Combine(pki, "admin.key")]);

        Assert.True(code == 0, $"it ended with {code}: {errors}");
        var told = output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonNode.Parse(line)!.AsObject()).ToList();
        Assert.Contains("qm.fleet.v1.OperationService", told[0]["services"]!.AsArray().Select(service => (string?)service));
        Assert.Equal(
            [
                """{"nodes":["ecu1","ecu2"]}""",
                """{"watch":"BOOKMARK"}""",
                """{"applied":"CREATED","generation":"1","operation":"operations/foreign/1"}""",
                """{"watch":"ADDED","fleet":"foreign"}""",
                """{"waited":true}""",
                """{"error":"NOT_FOUND","details":1}""",
            ],
            told.Skip(1).Select(line => line.ToJsonString()));
        Assert.Equal(Qm.Fleet.V1.Rollout.Types.Phase.Succeeded, (await new Qm.Fleet.V1.FleetService.FleetServiceClient(_lab.Lab.Channel)
            .GetAsync(new() { Name = "foreign" }, cancellationToken: FleetLab.Ct)).Status.Rollout.Phase);
    }
}
