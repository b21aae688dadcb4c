using System.Text.Json;
using System.Text.RegularExpressions;
using Xunit;

namespace Qm.Fleet.EndToEnd;

/// <summary>What nodes use, now and before, and what is left of them, as people look at it.</summary>
public sealed class UsageTests : IAsyncLifetime
{
    private const string Reserve = "asilReserve: {memory: 1G, cpus: 1}\n  environment:";

    private FleetLab _lab = null!;

    public async ValueTask InitializeAsync()
    {
        _lab = await FleetLab.StartAsync(nodes: 2);
        await _lab.ApplyAsync("cockpit.yaml", ("environment:", Reserve));
        await _lab.SettledAsync();
    }

    public ValueTask DisposeAsync() => _lab.DisposeAsync();

    [Fact]
    [Trait("Requirement", "QMF-USAGE-001")]
    [Trait("Requirement", "QMF-USAGE-002")]
    public async Task Top_NodesThatRun_MovesAndNamesEveryContainer()
    {
        await UntilAsync(["fleet", "cockpit", "--containers"], text => Regex.Count(text, @"(?m)^ecu[12] +(qm|radio)\.service +\d\.\d\d +\d") == 4);
        var before = await _lab.RunAsync("top", "node", "ecu1", "-o", "json");
        var radio = await _lab.RunAsync("top", "workload", "radio");
        var after = await UntilAsync(["node", "ecu1", "-o", "json"], text => Cpu(text) > Cpu(before));

        Assert.Matches(@"(?m)^NODE +UNIT +CPU +MEMORY +OF +PRESSURE some/full +READ/s +WRITE/s +PIDS +FREE +AGE$", await _lab.RunAsync("top"));
        Assert.Matches(@"(?m)^ecu2 +radio\.service +\d\.\d\d ", radio);
        Assert.DoesNotContain("qm.service", radio, StringComparison.Ordinal);
        Assert.NotEqual(before, after);

        // What nobody hears is not shown as if it were so.
        await _lab.Lab.Faults.CutCableAsync("ecu2");
        await UntilAsync(["nodes"], text => Regex.IsMatch(text, @"(?m)^ecu2 +- +- .*unknown for [\d.]+ s: its agent extension is not connected"));
        Assert.Matches(@"(?m)^ecu1 +qm\.service +\d\.\d\d ", await _lab.RunAsync("top", "nodes", "--sort-by", "cpu"));
    }

    [Fact]
    [Trait("Requirement", "QMF-USAGE-001")]
    public async Task Top_HistoryOfANode_GoesBackAndKeepsTheContainerThatWasRestarted()
    {
        await UntilAsync(["node", "ecu1", "--history", "1m"], text => Regex.IsMatch(text, @"(?m)^radio\.service +cpus +\d\.\d\d +\d\.\d\d +\d\.\d\d +.*[▁-█]"));
        await _lab.Lab.Nodes[0].KillWorkloadAsync("radio");
        await UntilAsync(["node", "ecu1", "--history", "1m"], text => Regex.Count(text, @"(?m)^radio\.service +memory +\d") == 2);

        var json = JsonDocument.Parse(await _lab.RunAsync("top", "node/ecu1", "--history", "1m", "-o", "json")).RootElement;

        Assert.Equal("1s", json.GetProperty("interval").GetString());
        Assert.Equal(2, json.GetProperty("series").EnumerateArray().Where(series => series.GetProperty("unit").GetString() == "radio.service").Select(series => series.GetProperty("cgroup").GetString()).Distinct().Count());
    }

    [Fact]
    [Trait("Requirement", "QMF-CAPACITY-001")]
    public async Task Capacity_ReserveOfTheFleet_IsToldEverywhereAndMakesNoRevision()
    {
        var (node, revision) = (await _lab.RunAsync("describe", "node", "ecu1"), (await _lab.CockpitAsync()).Status.Revision);
        await _lab.ApplyAsync("cockpit.yaml", ("environment:", Reserve.Replace("1G", "6G", StringComparison.Ordinal)));
        var path = Path.Combine(_lab.Lab.Directory.Root, "manifest.yaml");
        var plan = await _lab.RunAsync("plan", "-f", path);
        await _lab.ApplyAsync("cockpit.yaml");

        Assert.Matches(@"(?m)^  memory  8\.00G +1\.00G +3\.00G +4\.00G$", node);
        Assert.Matches(@"(?m)^  CPUs +4 +1 +no limit +-1$", node);
        Assert.Contains($"{revision} stays", plan, StringComparison.Ordinal);
        Assert.Contains("Capacity  memory 3.00G of 8.00G less 6.00G for ASIL, -1.00G free; CPUs all of 4 less 1 for ASIL, -1 free", plan, StringComparison.Ordinal);
        Assert.Contains("QMF-W004 MemoryMax 3G and 6G for the rest of the node are more than the 8G it has: ecu1, ecu2", plan, StringComparison.Ordinal);
        Assert.Contains("QMF-W020 QM may use 4 CPUs, and 1 are kept for safety software", plan, StringComparison.Ordinal);
        Assert.Equal(revision, (await _lab.CockpitAsync()).Status.Revision);
        Assert.Matches(@"(?m)^ecu1 +qm\.service .* 4\.00G +[\d.]+ s$", await UntilAsync(["nodes"], text => text.Contains("4.00G", StringComparison.Ordinal)));
    }

    private static long Cpu(string json) => JsonDocument.Parse(json).RootElement.GetProperty("items")[0].GetProperty("units")[0].GetProperty("cpuStat").GetProperty("usage_usec").GetString() is { } text
        ? long.Parse(text, System.Globalization.CultureInfo.InvariantCulture) : 0;

    private async Task<string> UntilAsync(string[] arguments, Func<string, bool> isDone)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(120), TimeProvider.System);
        var text = "";
        while (!isDone(text = await _lab.RunAsync(["top", .. arguments])))
        {
            Assert.False(deadline.IsCancellationRequested, $"qmfleet top {string.Join(' ', arguments)} still says\n{text}");
            await Task.Delay(TimeSpan.FromMilliseconds(500), TimeProvider.System, FleetLab.Ct);
        }

        return text;
    }
}
