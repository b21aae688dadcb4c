using Qm.Fleet.V1;
using Xunit;

namespace Qm.Fleet.EndToEnd;

/// <summary>Kills for memory as the kernel of a node does them, and what the event log says.</summary>
[Trait("Requirement", "QMF-OOM-001")]
[Trait("Requirement", "QMF-LAB-004")]
public sealed class OutOfMemoryTests
{
    [Fact]
    public async Task Oom_OfAContainerThenOfQmThenOfTheMachine_IsOneEventEach()
    {
        await using var lab = await FleetLab.StartAsync(nodes: 1);
        await lab.ApplyAsync("cockpit.yaml", ("Install: {WantedBy: default.target}", "Service: {Restart: always}\n          Install: {WantedBy: default.target}"));
        await lab.SettledAsync();

        await lab.RunAsync("lab", "fault", "ecu1", "oom", "nested", "radio");
        var nested = Assert.Single(await lab.EventsAsync("OomKilled", 1));
        Assert.Equal((Event.Types.Severity.Warning, "radio.service", "cockpit"), (nested.Severity, nested.Unit, nested.Fleet));
        Assert.Matches(@"^radio \(pid \d+, score 1034, limit of radio 256M\)$", nested.Message);
        Assert.Equal("radio.service", Assert.Single(await lab.EventsAsync("Healed", 1)).Unit);

        await lab.SettledAsync();
        await lab.RunAsync("lab", "fault", "ecu1", "oom", "host");
        var machine = (await lab.EventsAsync("OomKilled", 2))[1];
        Assert.Equal((Event.Types.Severity.Critical, "radio.service"), (machine.Severity, machine.Unit));
        Assert.Matches(@"^radio \(pid \d+, oom_score_adj 750, the whole machine was out of memory\)$", machine.Message);

        await lab.SettledAsync();
        await lab.RunAsync("lab", "fault", "ecu1", "oom", "qm");
        var qm = (await lab.EventsAsync("OomKilled", 3))[2];
        Assert.Equal((Event.Types.Severity.Critical, "init.scope"), (qm.Severity, qm.Unit));
        Assert.Matches(@"^systemd of QM \(pid \d+, score 523, limit of qm.service 3G\)$", qm.Message);
        Assert.Contains(await lab.EventsAsync("Healed", 3), healed => healed.Unit == "qm.service");
        Assert.Matches(@"OomKilled +init\.scope +systemd of QM", await lab.RunAsync("describe", "node", "ecu1"));

        // Whoever is killed tells everything again, and nothing is stored twice.
        await lab.Lab.AgentOf(lab.Lab.Nodes[0])!.KillAsync();
        await lab.Lab.StartAgentAsync("agent-ecu1", [lab.Lab.Nodes[0]]);
        await lab.SettledAsync();
        await lab.RunAsync("lab", "fault", "ecu1", "oom", "nested", "radio");
        Assert.Equal(4, (await lab.EventsAsync("OomKilled", 4)).Count);
    }

    [Fact]
    [Trait("Requirement", "QMF-OOM-003")]
    public async Task OomOrder_BrokenByHand_IsOneCriticalEventAndOneWhenItHoldsAgain()
    {
        await using var lab = await FleetLab.StartAsync(nodes: 1);
        await lab.ApplyAsync("cockpit.yaml");
        var radio = (await lab.ConvergedAsync())["ecu1"].Status.Report.Oom.Nested.Single(process => process.Unit == "radio.service");

        lab.Lab.Nodes[0].Context.Kernel.Write($"proc/{radio.Pid}/oom_score_adj", "400");
        var broken = Assert.Single(await lab.EventsAsync("OomOrderBroken", 1));
        Assert.Equal((Event.Types.Severity.Critical, "radio.service"), (broken.Severity, broken.Unit));
        Assert.Matches($@"^radio\.service \(pid {radio.Pid}\) has oom_score_adj 400, .* QM, which has 500; set at runtime .* /etc/qm/containers/containers\.conf\.d/50-qm-fleet\.conf says 750$", broken.Message);
        Assert.Single(await lab.EventsAsync("OomOrderHolds", 1));
    }

    [Theory]
    [InlineData("nested", "ra dio", "\"ra dio\" is not a workload's name, such as radio")]
    [InlineData("nested", "nosuch", "workload nosuch does not run in QM of ecu1; none does")]
    public async Task Oom_OfWhatIsNotThere_IsRefused(string where, string what, string reason)
    {
        await using var lab = await FleetLab.StartAsync(nodes: 1);
        var (code, output) = await lab.Lab.RunCliAsync(["lab", "fault", "ecu1", "oom", where, what], FleetLab.Ct);
        Assert.NotEqual(0, code);
        Assert.Contains(reason, output, StringComparison.Ordinal);
    }
}
