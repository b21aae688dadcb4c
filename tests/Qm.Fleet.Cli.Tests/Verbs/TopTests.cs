using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Qm.Fleet.V1;
using Xunit;

namespace Qm.Fleet.Cli.Tests.Verbs;

[Trait("Requirement", "QMF-USAGE-002")]
public sealed class TopTests : CliTest
{
    private static readonly Timestamp At = Now.ToTimestamp();

    [Fact]
    [Trait("Requirement", "QMF-CLI-002")]
    public async Task Top_InAPipe_IsOneTableOfOneRound()
    {
        Fill();

        Assert.Equal(ExitCode.Done, await RunAsync("top"));

        Assert.Equal(
            """
            NODE  UNIT           CPU   MEMORY  OF         PRESSURE some/full  READ/s  WRITE/s  PIDS  FREE   AGE
            ecu1  qm.service     0.42  1.40G   3.00G 47%  memory 4.1/0.6      1.00M   512      112   4.00G  1.2 s  12 containers are left out
            ecu1  radio.service  0.05  100M    -          cpu 0.5/-           -       -        9     -      1.2 s
            ecu2  -              -     -       -          -                   -       -        -     -      unknown for 3 m 10 s: its agent extension is not connected
            ecu3  -              -     -       -          -                   -       -        -     -500M  0.4 s  QM does not run.
            ecu4  qm.service     -     2.00G   -          -                   -       -        -     -      0.4 s

            """,
            Out.ToString());
        Assert.Equal("", Errors);
        Assert.Equal(new WatchTopRequest(), Assert.Single(Server.Diagnostics.TopAsked));
    }

    [Theory]
    [InlineData("memory", "qm.service,qm.service,radio.service,-,-")]
    [InlineData("cpu", "qm.service,radio.service,qm.service,-,-")]
    [InlineData("io", "qm.service,radio.service,qm.service,-,-")]
    [InlineData("pressure", "qm.service,radio.service,qm.service,-,-")]
    public async Task Top_SortedByUse_HasTheGreatestFirstAndTheUnknownLast(string order, string units)
    {
        Fill();
        await RunAsync("top", "nodes", "--sort-by", order);

        Assert.Equal(units, string.Join(',', Out.ToString().Split('\n')[1..^1].Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1])));
    }

    [Fact]
    public async Task Top_Kinds_AskForWhatTheyAre()
    {
        Server.Diagnostics.Rounds.Add(new Top { At = At, Complete = true });
        foreach (var arguments in (string[][])[["node", "ecu1"], ["fleet/cockpit", "-l", "a=b"], ["workload", "radio"], ["workloads/maps"], ["nodes", "--containers"], ["nodes", "--interval", "5s"], ["nodes", "--interval", "5s", "--once"]])
        {
            Assert.Equal(ExitCode.Done, await RunAsync(["top", .. arguments]));
        }

        Assert.Equal(
            [
                new WatchTopRequest { Node = "ecu1", Containers = true },
                new WatchTopRequest { Fleet = "cockpit", Selector = "a=b" },
                new WatchTopRequest { Workload = "radio" },
                new WatchTopRequest { Workload = "maps" },
                new WatchTopRequest { Containers = true },
                new WatchTopRequest { Interval = TimeSpan.FromSeconds(5).ToDuration() },
                new WatchTopRequest(),
            ],
            Server.Diagnostics.TopAsked);
    }

    [Theory]
    [InlineData("top fleet: which one?", "fleet")]
    [InlineData("top workload: which one?", "workload")]
    [InlineData("top revision: has no usage", "revisions")]
    [InlineData("no such kind", "pods")]
    [InlineData("--interval 2h: expected 1s to 1h", "nodes", "--interval", "2h")]
    [InlineData("--interval 1ms", "nodes", "--interval", "1ms")]
    [InlineData("--history: is of one node", "nodes", "--history", "10m")]
    [InlineData("--history 2d", "node", "ecu1", "--history", "2d")]
    public async Task Top_WhatMakesNoSense_IsRefusedBeforeAnythingIsAsked(string message, params string[] arguments)
    {
        Assert.Equal(ExitCode.Invalid, await RunAsync(["top", .. arguments]));

        Assert.Contains(message, Errors, StringComparison.Ordinal);
        Assert.Empty(Server.Diagnostics.TopAsked);
        Assert.Empty(Server.Diagnostics.UsageAsked);
    }

    [Fact]
    public async Task Top_RoundsInAPipe_AreTablesWithALineBetween()
    {
        Fill();
        Server.Diagnostics.Rounds.Add(new Top { At = At, Complete = true });
        await RunAsync("top", "nodes", "--interval", "1s");

        Assert.EndsWith("\n\nNODE  UNIT  CPU  MEMORY  OF  PRESSURE some/full  READ/s  WRITE/s  PIDS  FREE  AGE\n", Out.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Top_OnATerminal_AsksForRoundsAndDrawsThem()
    {
        Fill();

        Assert.Equal(ExitCode.Done, await RunAsync(Context() with { OutWidth = 60 }, "top"));

        Assert.Equal(TimeSpan.FromSeconds(2), Assert.Single(Server.Diagnostics.TopAsked).Interval.ToTimeSpan());
        Assert.Contains("ecu1  qm.service     0.42", Out.ToString(), StringComparison.Ordinal);
        Assert.Contains('…', Out.ToString());
    }

    [Theory]
    [InlineData(null)]
    [InlineData(80)]
    public async Task Top_ServerGoesAway_SaysSoAndGoesOn(int? width)
    {
        Server.Diagnostics.Rounds.Add(new Top { At = At, Complete = true, Nodes = { new NodeTop { Node = "ecu1", UnknownBecause = "nobody asked" } } });
        Server.Diagnostics.End = new(StatusCode.Unavailable, "stopping");
        var run = CommandLine.RunAsync(["top", "nodes", "--interval", "5s"], Context() with { OutWidth = width }, TestContext.Current.CancellationToken);
        await (width is null ? Error : Out).SeeAsync("the server went away; going on when it is back");
        (Server.Diagnostics.Rounds[0], Server.Diagnostics.End) = (new Top { At = At, Complete = true, Nodes = { new NodeTop { Node = "ecu2" } } }, null);
        using var pace = new PeriodicTimer(TimeSpan.FromMilliseconds(5));
        while (Server.Diagnostics.TopAsked.Count < 2)
        {
            Time.Advance(TimeSpan.FromSeconds(1));
            await pace.WaitForNextTickAsync(TestContext.Current.CancellationToken);
        }

        Assert.Equal(ExitCode.Done, await run);
        await Out.SeeAsync("ecu2");
        Assert.Equal(Server.Diagnostics.TopAsked[0], Server.Diagnostics.TopAsked[1]);
    }

    [Theory]
    [InlineData("nodes", "--interval", "5s")]
    [InlineData("nodes")]
    public async Task Top_ServerThatIsNotThereOrIsAskedOnce_IsAnErrorAtOnce(params string[] arguments)
    {
        Server.Diagnostics.End = new(StatusCode.Unavailable, "stopping");

        Assert.Equal(ExitCode.Unreachable, await RunAsync(["top", .. arguments]));
        Assert.Single(Server.Diagnostics.TopAsked);
    }

    [Fact]
    [Trait("Requirement", "QMF-CLI-002")]
    public async Task Top_Json_IsTheApis()
    {
        Fill();
        await RunAsync("top", "-o", "json");

        var items = System.Text.Json.JsonDocument.Parse(Out.ToString()).RootElement.GetProperty("items");
        Assert.Equal(["ecu1", "ecu2", "ecu3", "ecu4"], items.EnumerateArray().Select(item => item.GetProperty("node").GetString()));
        Assert.Equal("its agent extension is not connected", items[1].GetProperty("unknownBecause").GetString());
    }

    [Fact]
    [Trait("Requirement", "QMF-USAGE-001")]
    public async Task History_OneNode_IsALineForEachUnitAndResource()
    {
        Server.Diagnostics.Usage.MergeFrom(new GetUsageResponse
        {
            Node = "ecu1",
            ReadAt = At,
            Interval = TimeSpan.FromSeconds(10).ToDuration(),
            OldestAt = Now.AddMinutes(-12).ToTimestamp(),
            Series =
            {
                new UsageSeries { Unit = "qm.service", Cgroup = "/qm.service", Points = { Point(50_000, 1), Point(25_000, 0.5), Point(0, 0.75) } },
                // A container that was restarted: the older one is another line.
                new UsageSeries { Unit = "radio.service", Cgroup = "/a", Points = { new UsagePoint { AgoMs = 580_000, MemoryCurrent = 1 << 20 } } },
                new UsageSeries { Unit = "radio.service", Cgroup = "/b", Points = { new UsagePoint { AgoMs = 24_000, MemoryCurrent = 3 << 20 } } },
            },
        });

        Assert.Equal(ExitCode.Done, await RunAsync("top", "node", "ecu1", "--history", "10m"));

        Assert.Equal(
            """
            UNIT           OF      LEAST  MEAN   MOST   OVER TIME
            qm.service     cpus    0.50   0.75   1.00   ·····················█▅▆
            radio.service  memory  1.00M  1.00M  1.00M  █·······················
            radio.service  memory  3.00M  3.00M  3.00M  ·······················█

            """,
            Out.ToString());
        Assert.Equal("ecu1: 10 m 0 s in steps of 25 s, sampled every 10 s; it remembers 12 m 0 s\n", Errors);
        var asked = Assert.Single(Server.Diagnostics.UsageAsked);
        Assert.Equal((Now.AddMinutes(-10), TimeSpan.FromSeconds(25), 24), (asked.From.ToDateTimeOffset(), asked.Step.ToTimeSpan(), asked.Limit));
    }

    private static UsagePoint Point(long agoMs, double cpus) => new() { AgoMs = agoMs, Cpus = cpus };

    private void Fill() => Server.Diagnostics.Rounds.AddRange(
    [
        new Top
        {
            At = At,
            Nodes =
            {
                new NodeTop
                {
                    Node = "ecu1",
                    ReadAt = Now.AddSeconds(-1.2).ToTimestamp(),
                    LeftOut = 12,
                    Capacity = new() { Memory = new() { Has = 8L << 30, Reserve = 1L << 30, Declared = 3L << 30, Free = 4L << 30 } },
                    Units =
                    {
                        new CgroupUsage
                        {
                            Unit = "qm.service",
                            Cpus = 0.42,
                            MemoryCurrent = 1_500_000_000,
                            MemoryMax = 3L << 30,
                            MemoryPressure = new() { Some = new() { Avg10 = 4.1 }, Full = new() { Avg10 = 0.6 } },
                            CpuPressure = new() { Some = new() { Avg10 = 1 } },
                            IoReadBytesPerSecond = 1 << 20,
                            IoWrittenBytesPerSecond = 512,
                            PidsCurrent = 112,
                        },
                        new CgroupUsage { Unit = "radio.service", Cpus = 0.05, MemoryCurrent = 100 << 20, MemoryMax = -1, CpuPressure = new() { Some = new() { Avg10 = 0.5 } }, PidsCurrent = 9 },
                    },
                },
                new NodeTop { Node = "ecu2", UnknownSince = Now.AddSeconds(-190).ToTimestamp(), UnknownBecause = "its agent extension is not connected" },
            },
        },
        new Top
        {
            At = At,
            Complete = true,
            Nodes =
            {
                new NodeTop { Node = "ecu3", ReadAt = Now.AddSeconds(-0.4).ToTimestamp(), Problems = { "QM does not run." }, Capacity = new() { Memory = new() { Has = 1L << 30, Free = -500L << 20 } } },
                new NodeTop { Node = "ecu4", ReadAt = Now.AddSeconds(-0.4).ToTimestamp(), Units = { new CgroupUsage { Unit = "qm.service", MemoryCurrent = 2L << 30 } } },
            },
        },
    ]);
}
