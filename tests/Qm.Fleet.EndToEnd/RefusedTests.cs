using Qm.Fleet.V1;
using Xunit;

namespace Qm.Fleet.EndToEnd;

/// <summary>Bad input against the real server: refused whole, every problem told, nothing stored.</summary>
public sealed class RefusedTests : IAsyncLifetime
{
    private FleetLab _lab = null!;

    public async ValueTask InitializeAsync() => _lab = await FleetLab.StartAsync(nodes: 1);

    public ValueTask DisposeAsync() => _lab.DisposeAsync();

    [Fact]
    [Trait("Requirement", "QMF-CLI-001")]
    [Trait("Requirement", "QMF-API-001")]
    public async Task Apply_ManyKindsOfWrong_TellsAllAndStoresNothing()
    {
        var path = Path.Combine(_lab.Lab.Directory.Root, "bad.yaml");
        await File.WriteAllTextAsync(path, """
            apiVersion: qm.fleet/v1
            kind: Fleet
            metadata: {name: good}
            spec:
              selector: zone=cockpit
              environment:
                resources: {MemoryMax: 3G}
            ---
            apiVersion: qm.fleet/v1
            kind: Fleet
            metadata: {name: bad}
            spec:
              selector: "zone in (cockpit"
              environment:
                resources:
                  MemoryMax: 3Q
                  MemroyHigh: 2G
                oom:
                  qm: 500
                  nested: 450
                  asil: {brake-control.service: 0}
            ---
            apiVersion: qm.fleet/v1
            kind: Fleet
            metadata: {name: good}
            spec: {selector: zone=rear, environment: {}}
            """, FleetLab.Ct);

        var (code, output) = await _lab.Lab.RunCliAsync(["apply", "-f", path], FleetLab.Ct);

        Assert.Equal(2, code);
        Assert.Equal([
            $"{path}: 6 problems, nothing was stored",
            "  document 2, line 13  spec.selector: at character 1: \"zone in (cockpit\": expected key in (a,b) or key notin (a,b)",
            "  document 2, line 16  spec.environment.resources.MemoryMax: \"3Q\" is not a size; expected bytes, K, M, G, T, % or infinity",
            "  document 2, line 17  spec.environment.resources.MemroyHigh: no such field; did you mean MemoryHigh? known are CPUWeight, CPUQuota, AllowedCPUs, MemoryMin, MemoryLow, MemoryHigh, MemoryMax, MemorySwapMax, IOWeight, TasksMax, IOReadBandwidthMax, IOWriteBandwidthMax, IOReadIOPSMax, IOWriteIOPSMax, ManagedOOMSwap, ManagedOOMMemoryPressure, ManagedOOMMemoryPressureLimit, ManagedOOMPreference",
            "  document 2, line 20  spec.environment.oom.nested: 450 is below oom.qm (500); nested containers must be killed before QM (QMF-R005)",
            "  document 2, line 21  spec.environment.oom.asil[brake-control.service]: 0 is not between -1000 and -1; a safety unit must be killed after everything else (QMF-R005)",
            "  document 3, line 25  metadata.name: Fleet \"good\" stands twice, first on line 3",
        ], output.TrimEnd().Split('\n'));
        var fleets = await new FleetService.FleetServiceClient(_lab.Lab.Channel).ListAsync(new(), cancellationToken: FleetLab.Ct);
        Assert.Empty(fleets.Fleets);
        Assert.DoesNotContain(await _lab.EventsAsync(), item => item.Reason.StartsWith("Fleet", StringComparison.Ordinal));
    }
}
