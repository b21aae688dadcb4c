using Google.Protobuf.WellKnownTypes;
using Qm.Fleet.Cli.Output;
using Qm.Fleet.V1;
using Xunit;

namespace Qm.Fleet.Cli.Tests.Verbs;

public sealed class DescribeNodeTests : CliTest
{
    private static readonly Timestamp Before = Timestamp.FromDateTimeOffset(Now - TimeSpan.FromMinutes(3));
    private static readonly Timestamp Lately = Timestamp.FromDateTimeOffset(Now - TimeSpan.FromSeconds(2));

    [Fact]
    [Trait("Requirement", "QMF-PROBE-004")]
    public async Task Describe_NodeWithProbes_ShowsThoseThatDoNotSayHealthy()
    {
        Server.Nodes.Stored.Add(new Node
        {
            Metadata = new() { Name = "ecu9" },
            Status = new()
            {
                Probes =
                {
                    new ProbeResult { Unit = "map.service", State = ProbeResult.Types.State.Unknown, Message = "its container does not run" },
                    new ProbeResult { Unit = "navi.service", State = ProbeResult.Types.State.Healthy },
                    new ProbeResult { Unit = "radio.service", State = ProbeResult.Types.State.Unhealthy, Failures = 3, Message = "exit code 1: no tuner" },
                },
            },
        });

        Assert.Equal(0, await RunAsync("describe", "node", "ecu9"));
        Assert.Contains("""
            Probes that do not say healthy
              UNKNOWN    map.service                       its container does not run
              UNHEALTHY  radio.service  3 failed in a row  exit code 1: no tuner

            """, Out.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("navi.service", Out.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Describe_NodeThatTellsEverything_ShowsFactsUsageAndDrift()
    {
        Server.Nodes.Stored.Add(new Node
        {
            Metadata = new() { Name = "ecu9" },
            Status = new()
            {
                ReportedAt = Before,
                LookedAt = Lately,
                HeardAt = Lately,
                UsageAt = Lately,
                Report = new()
                {
                    Machine = new() { MemoryBytes = 8L << 30, Cpus = "0-7" },
                    Facts = new()
                    {
                        Kernel = "6.12.0",
                        Os = "AutoSD 10",
                        QmOs = "AutoSD 10",
                        QmQuadletSha256 = new('a', 64),
                        Systemd = "257",
                        Podman = "5.4.2",
                        CgroupVersion = 2,
                        Pressure = true,
                        Selinux = Facts.Types.Selinux.Enforcing,
                        EtcTransient = true,
                        UsrReadOnly = true,
                        Unknown = { "bluechi-agent is not installed on this node." },
                    },
                    Drift = { new FileDrift { Change = FileDrift.Types.Change.Edited, Path = "/etc/x.conf" } },
                },
                Usage = new()
                {
                    Qm = new()
                    {
                        Unit = "qm.service",
                        MemoryCurrent = 1_500_000_000,
                        MemoryPeak = 2L << 30,
                        PidsCurrent = 57,
                        CpuStat = { ["usage_usec"] = 125_000_000, ["throttled_usec"] = 2_000_000 },
                        MemoryEvents = { ["oom_kill"] = 3 },
                        MemoryPressure = new() { Some = new() { Avg60 = 4.1 } },
                    },
                    Nested = { new CgroupUsage { Unit = "radio.service", IoReadBytes = 4096 } },
                },
            },
        });

        Assert.Equal(0, await RunAsync("describe", "node", "ecu9"));
        var lines = Out.ToString().Split('\n');
        Assert.Contains("Machine      RAM 8.00G   CPUs 0-7   kernel 6.12.0", lines);
        Assert.Contains("System       AutoSD 10   QM AutoSD 10   qm.container aaaaaaaaaaaa", lines);
        Assert.Contains("Programs     systemd 257   Podman 5.4.2", lines);
        Assert.Contains("Isolation    cgroup v2   PSI   SELinux enforcing   /etc is lost at a reboot   /usr read-only", lines);
        Assert.Contains("Reported     3 m 0 s ago   looked at 2.0 s ago   heard 2.0 s ago", lines);
        Assert.Contains("Usage (2.0 s ago)", lines);
        Assert.Contains("  UNIT           MEMORY  PEAK   CPU TIME  THROTTLED  TASKS  READ   WRITTEN  OOM KILLS  PRESSURE cpu/memory/io", lines);
        Assert.Contains("  qm.service     1.40G   2.00G  2 m 5 s   2.0 s      57     -      -        3          - / 4.1 % / -", lines);
        Assert.Contains("  radio.service  -       -      -         -          -      4.00K  -        -          - / - / -", lines);
        Assert.Contains("  EDITED  /etc/x.conf", lines);
        Assert.Contains("  bluechi-agent is not installed on this node.", lines);
    }

    [Fact]
    public async Task Describe_NodeThatTellsNothing_InventsNothing()
    {
        Server.Nodes.Stored.Add(new Node { Metadata = new() { Name = "ecu9" } });

        Assert.Equal(0, await RunAsync("describe", "node", "ecu9"));
        Assert.Contains("Reported     never", Out.ToString(), StringComparison.Ordinal);
        Assert.All((string[])["Machine", "Isolation", "Usage", "Changed by hand"], absent => Assert.DoesNotContain(absent, Out.ToString(), StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(0, "0")]
    [InlineData(999, "999")]
    [InlineData(1000, "0.98K")]
    [InlineData(1024, "1.00K")]
    [InlineData(104857600, "100M")]
    [InlineData(15L << 30, "15.0G")]
    [InlineData(long.MaxValue, "8388608T")]
    public void Size_Bytes_HasThreeDigits(long bytes, string text) => Assert.Equal(text, UsageText.Size(bytes));

    // A diff must not become one line of question marks, nor move the cursor.
    [Fact]
    public void Line_EventWithADiff_ShowsItBelowItsSentence() => Assert.Equal(
        """
             7  -                         Warning   FileDrifted           node/ecu9                 /etc/x was edited by somebody else
                --- revision/etc/x
                +MemoryHigh=9G?[2J
        """.ReplaceLineEndings("\n"),
        EventRow.Line(new() { Number = 7, Severity = Event.Types.Severity.Warning, Reason = "FileDrifted", Node = "ecu9", Message = "/etc/x was edited by somebody else\n--- revision/etc/x\n+MemoryHigh=9G\u001b[2J" }));
}
