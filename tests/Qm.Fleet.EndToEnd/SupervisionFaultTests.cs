using Qm.Fleet.Lab.Nodes;
using Qm.Fleet.V1;
using Xunit;

namespace Qm.Fleet.EndToEnd;

/// <summary>Every fault of deploy/docs/faults.md, played as it stands there: what is found, what is restarted, what is told, and how it ends.</summary>
[Trait("Requirement", "QMF-E2E-020")]
[Trait("Requirement", "QMF-LAB-004")]
public sealed class SupervisionFaultTests : IAsyncLifetime
{
    private const string Healthy = "Healthy";
    private const string Selector = "  selector: zone=cockpit";
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    private static readonly (string, string)[] Policy =
    [
        (Selector, $"{Selector}\n  supervision: {{pending: 1s, restart: {{initial: 1s, jitter: 0%, factor: 1, budget: 2 per 10m}}, restartQm: {{budget: 1 per 1h}}, fleet: {{within: 3s}}}}"),
    ];

    // Long enough for every state to be seen, be the machine as busy as it may.
    private static readonly NodeTimings Timings = NodeTimings.Fast with { QmBoot = TimeSpan.FromMilliseconds(400), AutoRestart = TimeSpan.FromMilliseconds(200), CrashAfter = TimeSpan.FromSeconds(2) };

    private readonly List<(DocumentedFault Fault, string? Unit, long Since)> _played = [];
    private FleetLab _lab = null!;

    public async ValueTask InitializeAsync()
    {
        _lab = await FleetLab.StartAsync(nodes: 3, Timings);
        _lab.Lab.BlueChi.Faults.AgentTimeout = TimeSpan.FromMilliseconds(200);
    }

    public ValueTask DisposeAsync() => _lab.DisposeAsync();

    [Fact]
    [Trait("Requirement", "QMF-RULE-9")]
    [Trait("Requirement", "QMF-RULE-11")]
    public async Task Findings_OfWhatIsNotHeard_AreFiveAndRestartNothingThatMayBeFine()
    {
        await ConvergeAsync();
        var (restarts, pids) = (Restarts(), InitPids());
        var faults = await PlayAsync("The cable is cut", "The BlueChi agent is frozen", "The agent extension dies");
        // Has it looked at now, and not within half a minute: the emulated BlueChi misses no heartbeat of an agent that is frozen.
        await _lab.ApplyNodesAsync("{name: ecu2, labels: {zone: cockpit, looked: at}}", "{}");
        await FoundAsync(faults);
        Assert.Equal(["fault/ecu1/cut-cable", "fault/ecu2/freeze", "fault/ecu3/kill-extension"], (await _lab.RunAsync("lab", "faults", "-o", "name")).Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains("whether it runs is unknown", await _lab.RunAsync("describe", "node", "ecu1"), StringComparison.Ordinal);
        await _lab.RunAsync("lab", "clear");
        await _lab.ConvergedAsync();
        await ToldAsync();

        var bluechi = await PlayAsync("bluechi-controller is restarted");
        await Task.WhenAll(_lab.Lab.Nodes.Select(node => PhaseAsync(node.Name, [.. bluechi[0].Found])));
        await Task.WhenAll(_lab.Lab.Nodes.Select(node => PhaseAsync(node.Name, Healthy)));
        await ToldAsync();
        Assert.Equal(restarts, Restarts());
        Assert.Equal(pids, InitPids());

        var others = await PlayAsync("QM is dead, and does not start", "QM crashes once", "A link flaps");
        await QuarantinedAsync("ecu3");
        await QuarantinedAsync("ecu1");
        await FoundAsync(others[0]);
        Assert.Equal((restarts + 1, 1u), (Restarts(), _lab.Lab.Nodes[1].Host.Find("qm.service")!.Restarts));
        await EndedAsync("ecu1", "ecu3");
        await ToldAsync();
        Assert.Equal((restarts + 2, pids[2]), (Restarts(), InitPids()[2]));
    }

    [Fact]
    [Trait("Requirement", "QMF-RULE-9")]
    public async Task CrashLoops_OfAWorkloadAndOfQm_AreRestartedWithinTheirBudgetsAndLeftAlone()
    {
        await ConvergeAsync([("- name: radio", "- name: navi\n        quadlet: {Container: {Image: \"localhost/navi:1\"}, Service: {Restart: always}, Install: {WantedBy: default.target}}\n      - name: radio")]);
        var (inside, outside) = (Restarts("qm.ecu1"), Restarts("ecu1"));
        await FoundAsync(await PlayAsync("A workload crashes again and again"));
        await QuarantinedAsync("ecu1");
        Assert.Equal((inside + 2, outside + 1), (Restarts("qm.ecu1"), Restarts("ecu1")));
        await EndedAsync("ecu1");

        // What systemd inside QM restarts by itself is not restarted once more; QM is, once.
        (inside, outside) = (Restarts("qm.ecu2"), Restarts("ecu2"));
        await _lab.RunAsync("lab", "fault", "ecu2", "crash-loop", "navi");
        await QuarantinedAsync("ecu2");
        Assert.Equal((inside, outside + 1), (Restarts("qm.ecu2"), Restarts("ecu2")));
        await EndedAsync("ecu2");

        var restarts = Restarts();
        await FoundAsync(await PlayAsync("QM crashes again and again"));
        await QuarantinedAsync("ecu3");
        Assert.Equal(restarts, Restarts());
        await EndedAsync("ecu3");
        await ToldAsync();
    }

    [Fact]
    [Trait("Requirement", "QMF-OOM-001")]
    [Trait("Requirement", "QMF-OOM-003")]
    public async Task Memory_ThatRunsOutAndAnOrderTurnedRound_AreToldOnceAndEnd()
    {
        Assert.SkipUnless(System.Environment.IsPrivilegedProcess, "filling a disk of the lab takes a mount, which only root may make");
        await ConvergeAsync();
        var restarts = Restarts();
        await PlayAsync("A container of QM is out of memory", "QM is out of memory", "The ECU is out of memory");
        await ToldAsync();
        Assert.Equal(restarts + 2, Restarts());
        Assert.Equal(1u, _lab.Lab.Nodes[1].Host.Find("qm.service")!.Restarts);
        await _lab.ConvergedAsync();

        await PlayAsync("The OOM order is turned round by hand", "The disk of QM's /var is full");
        await _lab.ConditionAsync("ecu1", "DiskSpace", Condition.Types.Status.False);
        Assert.Contains("/var/qm has 0 % of 4M free", await _lab.RunAsync("describe", "node", "ecu1"), StringComparison.Ordinal);
        await _lab.RunAsync("lab", "clear", "ecu1");
        await ToldAsync();
        await _lab.ConvergedAsync();
    }

    private async Task ConvergeAsync(params (string, string)[] changes)
    {
        await _lab.ApplyAsync("cockpit.yaml", [.. Policy, .. changes]);
        await _lab.SettledAsync();
        await Task.WhenAll(_lab.Lab.Nodes.Select(node => PhaseAsync(node.Name, Healthy)));
    }

    // As the document says it, one right after the other.
    private async Task<DocumentedFault[]> PlayAsync(params string[] names)
    {
        var since = (await _lab.EventsAsync())[^1].Number;
        DocumentedFault[] faults = [.. names.Select(DocumentedFault.Of)];
        foreach (var fault in faults)
        {
            _played.Add((fault, fault.Commands[0].Contains("radio") ? "radio.service" : null, since));
            foreach (var command in fault.Commands)
            {
                await _lab.RunAsync([.. command]);
            }
        }

        return faults;
    }

    private Task FoundAsync(params DocumentedFault[] faults) => Task.WhenAll(faults.Select(fault => PhaseAsync(fault.Node, [.. fault.Found])));

    // The generated name of one is BluechiLost.
    private Task PhaseAsync(string node, params string[] phases) => _lab.NodeAsync(
        node, found => phases.Contains($"{found.Status?.Phase?.Phase}", StringComparer.OrdinalIgnoreCase), $"{node} is found {string.Join(" or ", phases)}");

    private async Task QuarantinedAsync(string node)
    {
        var quarantined = (await _lab.EventsUntilAsync("NodeQuarantined", node))[^1];
        Assert.Equal(Event.Types.Severity.Critical, quarantined.Severity);
        await _lab.StepAsync(node, "WaitForRelease");
    }

    private async Task EndedAsync(params string[] nodes)
    {
        foreach (var node in nodes)
        {
            await _lab.RunAsync("lab", "clear", node);
            await _lab.RunAsync("node", "release", node, "--reason", "it was mended");
        }

        await _lab.ConvergedAsync();
        await Task.WhenAll(nodes.Select(node => PhaseAsync(node, Healthy)));
    }

    // All that was documented of what was played so far was told, in that order, and no more of it.
    private async Task ToldAsync()
    {
        using var deadline = new CancellationTokenSource(Deadline, TimeProvider.System);
        while (!deadline.IsCancellationRequested && (await SeenAsync()).Any(told => told.Seen.Length < told.Documented.Length))
        {
            await Task.Delay(TimeSpan.FromMilliseconds(200), TimeProvider.System, FleetLab.Ct);
        }

        var all = await SeenAsync();
        Assert.Equal(all.Select(told => $"{told.Name}: {string.Join(", ", told.Documented)}"), all.Select(told => $"{told.Name}: {string.Join(", ", told.Seen)}"));
        _played.Clear();
    }

    private async Task<(string Name, string[] Documented, string[] Seen)[]> SeenAsync()
    {
        var events = await _lab.EventsAsync();
        return
        [
            .. from played in _played
               let node = _lab.Lab.Nodes.Any(known => known.Name == played.Fault.Node) ? played.Fault.Node : "ecu1"
               from documented in played.Fault.Events
               select (played.Fault.Name, documented.ToArray(), events.Where(one => one.Number > played.Since && one.Node == node && documented.Contains(one.Reason)
                   && (played.Unit is null || one.Unit.Length == 0 || one.Unit == played.Unit)).Select(one => one.Reason).ToArray()),
        ];
    }

    private ulong Restarts() => _lab.Lab.Nodes.Aggregate(0ul, (sum, node) => sum + Restarts(node.Name) + Restarts("qm." + node.Name));

    private ulong Restarts(string node) => _lab.Calls(node, "RestartUnit") + _lab.Calls(node, "StartUnit");

    private int[] InitPids() => [.. _lab.Lab.Nodes.Select(node => node.Qm!.InitPid)];
}
