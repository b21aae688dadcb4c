using Qm.Fleet.Lab.Control;
using Qm.Fleet.Lab.Demonstration;
using Qm.Fleet.Lab.Nodes;
using Qm.Fleet.Lab.Peers;
using Qm.Fleet.Lab.Processes;
using Spectre.Console;
using Xunit;

namespace Qm.Fleet.Lab.Tests.Peers;

/// <summary>The lab and its commands with a real bluechi-controller.</summary>
[Trait("Requirement", "QMF-LAB-005")]
public sealed class RealLabTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Lab_OnARealBlueChi_ConvergesAndThenChangesNothing()
    {
        await using var blueChi = await RealBlueChi.StartAsync(["ecu1", "ecu2", "qm.ecu1", "qm.ecu2"]);
        var output = new StringWriter();
        var lab = new LabOptions { Nodes = 2, BlueChi = new(blueChi.Address, blueChi.BusAddress) };

        var code = await new LabRun(
            new DemonstrationOptions(lab, Checkout.Of("deploy/examples/cockpit.yaml"), Once: true, ProveQuiet: true, Bench: false),
            AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(output) }), TimeProvider.System).RunAsync(Ct);

        Assert.True(code == 0, output.ToString());
        Assert.Contains($"real, process {blueChi.ProcessId}", output.ToString(), StringComparison.Ordinal);
        Assert.Contains("Second apply: 0 mutating D-Bus calls, 0 file writes", output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Requirement", "QMF-ASIL-001")]
    [Trait("Requirement", "QMF-RULE-6")]
    public async Task HostUnits_OnARealBlueChi_TheListedOneIsReachedAndNoOther()
    {
        const string Listed = "brake-control.service";
        await using var blueChi = await RealBlueChi.StartAsync(["ecu1", "qm.ecu1"]);
        await using var lab = await LabEnvironment.StartAsync(
            new LabOptions { Nodes = 1, Timings = NodeTimings.Fast, BlueChi = new(blueChi.Address, blueChi.BusAddress) }, (_, _, _) => { }, TimeProvider.System, Ct);
        var host = lab.Nodes[0].Host;
        await RunAsync(0, "wait", "node/ecu1", "--for", "condition=QmOnline", "--timeout", "60s");
        var before = Runs();

        await RunAsync(4, "restart", "ecu1", Listed, "--on-host");
        Assert.Equal(before, Runs());
        await RunAsync(0, "auth", "host-units", "allow", Listed, "--reason", "bench 4 has no ignition");
        await RunAsync(0, "restart", "ecu1", Listed, "--on-host");
        await RunAsync(4, "restart", "ecu1", "bluechi-agent.service", "--on-host");

        var after = Runs();
        Assert.Equal([Listed], after.Keys.Where(unit => after[unit] != before[unit]));
        await RunAsync(0, "auth", "host-units", "remove", Listed);
        await RunAsync(4, "restart", "ecu1", Listed, "--on-host");
        Assert.Equal(after, Runs());

        Dictionary<string, string> Runs() => host.Units.ToDictionary(static unit => unit.Name, static unit => $"{unit.ActiveState} {unit.InvocationId}", StringComparer.Ordinal);

        async Task RunAsync(int expected, params string[] arguments)
        {
            var (code, output) = await lab.RunCliAsync(arguments, Ct);
            Assert.True(code == expected, $"qmfleet {string.Join(' ', arguments)} ended with {code}: {output}");
        }
    }

    [Fact]
    public async Task Peers_Many_AreAllOnlineWithTheirJobsDone()
    {
        const int Many = 100;
        await using var blueChi = await RealBlueChi.StartAsync(Enumerable.Range(1, Many).Select(number => $"ecu{number}"));
        var output = new StringWriter();

        var code = await new PeersRun(new(blueChi.Address, blueChi.BusAddress), Many, output, TimeProvider.System).RunAsync(Ct);

        Assert.True(code == 0, output.ToString());
        Assert.Contains($"{Many} of {Many} done", output.ToString(), StringComparison.Ordinal);
        Assert.Contains($"bluechi-controller (process {blueChi.ProcessId})", output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Check_NamesThatCannotRegister_TellsThemAll()
    {
        await using var site = await RealSite.StartAsync();
        var controller = new RealController(site.BlueChi.Address, site.BlueChi.BusAddress);

        var error = await Assert.ThrowsAsync<LabException>(() => controller.CheckAsync(["ecu1", "absent", "ecu8", "ecu9"], TimeProvider.System, Ct));

        Assert.Contains("does not allow ecu8, ecu9;", error.Message, StringComparison.Ordinal);
        Assert.Contains("has ecu1 connected already;", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Faults_OnARealBlueChi_AreThoseOfAgentsAndLinks()
    {
        await using var site = await RealSite.StartAsync();
        await using var faults = new FaultInjector(site.Peers, [site.Node], (node, ct) => node.RebootAsync(ct), TimeProvider.System);

        await faults.FreezeAsync("qm.ecu1");
        await faults.CutAsync("ecu1", dataInFlight: false);
        await site.ToldAsync("ecu1=Offline", "qm.ecu1=Offline");
        Assert.Equal([new("ecu1", "cut", ""), new("qm.ecu1", "freeze", "")], faults.List());
        Assert.Throws<InvalidOperationException>(() => faults.Delay("ecu1", TimeSpan.FromSeconds(1)));
        Assert.Throws<InvalidOperationException>(() => { _ = faults.RestartBlueChi(killed: true, TimeSpan.Zero); });

        await faults.ClearAsync(node: null);
        await site.ToldAsync("ecu1=Online", "qm.ecu1=Online");
        Assert.Empty(faults.List());
    }
}
