using System.Text.Json;
using Xunit;

namespace Qm.Fleet.EndToEnd;

/// <summary>Where values come from, asked of a node on which several people set them.</summary>
public sealed class EffectiveTests : IAsyncLifetime
{
    private const string Vendor = "/usr/share/containers/systemd/qm.container";
    private const string Owned = "/etc/containers/systemd/qm.container.d/50-qm-fleet.conf";
    private const string ByHand = "/etc/systemd/system/qm.service.d/10-hand.conf";

    private FleetLab _lab = null!;

    public async ValueTask InitializeAsync() => _lab = await FleetLab.StartAsync(nodes: 1);

    public ValueTask DisposeAsync() => _lab.DisposeAsync();

    [Fact]
    [Trait("Requirement", "QMF-EFFECT-001")]
    public async Task Effective_LiveByHandFleetAndVendor_AreToldInTheirOrder()
    {
        await _lab.ApplyAsync("cockpit.yaml");
        await _lab.ConvergedAsync();
        await _lab.ApplyAsync("cockpit.yaml", ("MemoryHigh: 2G", "MemoryHigh: 1536M"));
        var revision = (await _lab.CockpitAsync()).Status.Revision;
        await _lab.ConvergedAsync(revision);
        await WriteAsync(ByHand, "[Service]\nMemoryHigh=2G\nMemoryLow=64M\n");

        var high = await _lab.RunAsync("effective", "ecu1", "MemoryHigh");
        var low = await _lab.RunAsync("effective", "ecu1", "MemoryLow");
        var swap = await _lab.RunAsync("effective", "ecu1", "ManagedOOMSwap");

        Assert.Equal($"""
            MemoryHigh   kernel 1610612736   systemd 1610612736   wanted 1536M
              1610612736   /run/systemd/system.control/qm.service.d/50-MemoryHigh.conf   live, through BlueChi or set-property
              2G           {ByHand}                 drop-in of qm.service
              1536M        {Owned}       fleet cockpit, revision {revision}
              infinity     {Vendor}                    vendor
            """, high.TrimEnd());
        // What somebody wrote and nobody loaded: the files say one thing, systemd and the kernel another.
        Assert.Equal($"""
            MemoryLow   kernel 0   systemd 0   wanted -
              64M   {ByHand}   drop-in of qm.service
            """, low.TrimEnd());
        Assert.Equal($"""
            ManagedOOMSwap   systemd kill   wanted -
              kill   {Vendor}   vendor
            """, swap.TrimEnd());
    }

    [Fact]
    [Trait("Requirement", "QMF-EFFECT-001")]
    [Trait("Requirement", "QMF-EFFECT-002")]
    public async Task Effective_NoKey_HasQmBothAgentsAndTheNestedDefault()
    {
        await _lab.ApplyAsync("cockpit.yaml");
        await _lab.ConvergedAsync();
        await WriteAsync("/etc/systemd/system/qm.service.d/20-proxy.conf", "[Service]\nEnvironment=PROXY=https://u:hunter2secret@proxy:1\n");
        var calls = _lab.Lab.BlueChi.Counters.Total;

        var table = await _lab.RunAsync("effective", "ecu1");
        var answer = JsonDocument.Parse(await _lab.RunAsync("effective", "ecu1", "-o", "json")).RootElement;

        Assert.DoesNotContain("hunter2secret", table + answer, StringComparison.Ordinal);
        Assert.Matches(@"(?m)^qm\.service +Service +OOMScoreAdjust +500 +fleet cockpit, revision \w+ +/etc/containers/systemd/qm\.container\.d/50-qm-fleet\.conf$", table);
        Assert.Matches(@"(?m)^bluechi-agent +bluechi-agent +NodeName +ecu1 +drop-in +/etc/bluechi/agent\.conf\.d/agent\.conf$", table);
        Assert.Matches(@"(?m)^qm/bluechi-agent +bluechi-agent +NodeName +qm\.ecu1 +fleet cockpit, revision \w+ +/etc/qm/bluechi/agent\.conf\.d/zz-qm-fleet\.conf$", table);
        Assert.Matches(@"(?m)^qm/containers\.conf +containers +oom_score_adj +750 +fleet cockpit, revision \w+ +/etc/qm/containers/containers\.conf\.d/50-qm-fleet\.conf$", table);
        Assert.Contains(
            answer.GetProperty("settings").EnumerateArray(),
            setting => setting.GetProperty("key").GetString() == "Environment" && setting.GetProperty("value").GetString()!.Contains("[redacted]", StringComparison.Ordinal));
        // It reads and changes nothing.
        Assert.Equal(calls, _lab.Lab.BlueChi.Counters.Total);
    }

    private async Task WriteAsync(string path, string content)
    {
        var full = _lab.Lab.Nodes[0].Root + path;
        Directory.CreateDirectory(Path.GetDirectoryName(full)!);
        await File.WriteAllTextAsync(full, content, FleetLab.Ct);
    }
}
