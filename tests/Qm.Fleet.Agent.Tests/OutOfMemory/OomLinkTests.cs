using Microsoft.Extensions.Logging.Abstractions;
using Qm.Fleet.Agent.OutOfMemory;
using Qm.Fleet.V1;

namespace Qm.Fleet.Agent.Tests.OutOfMemory;

[Trait("Requirement", "QMF-OOM-002")]
public sealed class OomLinkTests
{
    private const string Radio = "/qm.service/libpod-payload-0f0f/system.slice/radio.service/libpod-payload-aa";

    [Fact(Timeout = 60_000)]
    public async Task Agent_AKillInTheLog_IsToldOnEveryStreamUntilItIsTaken()
    {
        using var node = new EmulatedNode();
        Log(node, 1, "radio", 2210);
        var (authority, server) = TestGateway.Certificates("127.0.0.1");
        TestGateway.Enrol(node, "ecu01", authority);
        await using var gateway = await TestGateway.StartAsync(server);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var agent = LinkTests.RunAsync(node, gateway, stop.Token);

        var first = await gateway.NextStreamAsync();
        var kill = Assert.Single((await KillsAsync(first)).Kills);
        Assert.Equal(("kmsg:2", OomKill.Types.Place.Nested, "radio.service", 2210, "radio", 750), (kill.Record, kill.Place, kill.Unit, kill.Pid, kill.Comm, kill.ScoreAdjust));
        Assert.True(kill.HasAgoMs);
        first.End();

        var second = await gateway.NextStreamAsync();
        Assert.Equal("kmsg:2", Assert.Single((await KillsAsync(second)).Kills).Record);
        await second.TakenAsync(new() { Records = { "kmsg:2" } });
        Log(node, 3, "decoder", 2300);
        Assert.Contains((await KillsAsync(second, kills => kills.Kills.All(kill => kill.Record != "kmsg:2"))).Kills, kill => kill.Record == "kmsg:4");
        await stop.CancelAsync();
        await agent;
    }

    [Fact]
    public void Outbox_MoreThanItKeeps_TellsHowManyUntilThatIsTaken()
    {
        var outbox = new OomOutbox();
        var filled = 0;
        outbox.Filled += () => filled++;
        outbox.Add(new([], 0, 0));
        Assert.Null(outbox.Tell(0));
        outbox.Remind();
        Assert.Equal(0, filled);

        outbox.Add(new([.. Enumerable.Range(0, 300).Select(i => new Core.OutOfMemory.OomKill { Record = $"kmsg:{i}" })], 5, 7));
        var told = outbox.Tell(0)!;
        Assert.Equal((OomOutbox.KillsMax, 300 - OomOutbox.KillsMax + 5, 7L, 1), (told.Kills.Count, told.LeftOut, told.LostRecords, filled));

        outbox.Taken(new() { Records = { told.Kills.Select(kill => kill.Record) }, LeftOut = told.LeftOut, LostRecords = told.LostRecords });
        Assert.Null(outbox.Tell(0));
    }

    // Where the kernel log may not be read, the counters tell what they know.
    [Fact]
    public void Watch_NoKernelLog_TellsFromTheCountersWhatIsKnown()
    {
        using var node = new EmulatedNode();
        using var root = Files.NodeRoot.Open(node.Root);
        var changes = 0;
        var watch = new OomWatch(root, new(), () => changes++, node.Time, NullLogger<OomWatch>.Instance);
        using var log = new KernelLog(root);
        var (counters, correlator) = (new OomCounterReader(root), new Core.OutOfMemory.OomCorrelator());
        var container = $"{EmulatedNode.Payload}/system.slice/radio.service/libpod-payload-aa";
        node.Write("sys/fs/cgroup/qm.service/memory.events", "oom_kill 1\n");
        node.Write($"{container}/memory.events", "oom_kill 0\n");
        Assert.Empty(watch.Look(log, counters, correlator).Kills);

        node.Write("sys/fs/cgroup/qm.service/memory.events", "oom_kill 3\n");
        node.Write($"{container}/memory.events", "oom_kill 2\n");
        var kills = Enumerable.Range(0, 4).SelectMany(_ => watch.Look(log, counters, correlator).Kills).ToArray();
        var kill = Assert.Single(kills);
        Assert.Equal(("radio.service", 2), (kill.Unit, kill.Killed));
        Assert.Contains("kernel log", kill.NotKnown, StringComparison.Ordinal);
        Assert.Equal(1, changes);
    }

    [Fact]
    [Trait("Requirement", "QMF-DRIFT-004")]
    public void Watch_QmIsAnotherOne_HurriesTheNextLook()
    {
        using var node = new EmulatedNode();
        using var root = Files.NodeRoot.Open(node.Root);
        var changes = new List<string>();
        var round = "";
        var watch = new OomWatch(root, new(), () => changes.Add(round), node.Time, NullLogger<OomWatch>.Instance);
        using var log = new KernelLog(root);
        var (counters, correlator) = (new OomCounterReader(root), new Core.OutOfMemory.OomCorrelator());
        var service = node.Of("sys/fs/cgroup/qm.service");
        node.Write("sys/fs/cgroup/qm.service/memory.events", "oom_kill 1\n");
        Look("found");
        Look("the same");
        Directory.Move(node.Of(EmulatedNode.Payload), $"{service}/libpod-payload-other");
        Look("another");
        Directory.Delete($"{service}/libpod-payload-other", recursive: true);
        Look("gone");
        Look("still gone");

        Assert.Equal(["found", "another", "gone"], changes);

        void Look(string name)
        {
            round = name;
            watch.Look(log, counters, correlator);
        }
    }

    private static void Log(EmulatedNode node, long sequence, string comm, int pid)
    {
        if (!File.Exists(node.Of("dev/kmsg")))
        {
            node.Write("dev/kmsg", "5,0,0,-;Linux version\n");
        }

        File.AppendAllText(node.Of("dev/kmsg"), $"""
            6,{sequence},1000000,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg={Radio},task_memcg={Radio},task={comm},pid={pid},uid=0
            3,{sequence + 1},1000010,-;Memory cgroup out of memory: Killed process {pid} ({comm}) total-vm:9kB, anon-rss:8kB, file-rss:0kB, shmem-rss:0kB, UID:0 pgtables:4kB oom_score_adj:750

            """.ReplaceLineEndings("\n"));
    }

    private static async Task<OomKills> KillsAsync(TestGateway.Stream stream, Predicate<OomKills>? fits = null)
    {
        while (true)
        {
            if ((await stream.NextAsync()).OomKills is { } kills && (fits is null || fits(kills)))
            {
                return kills;
            }
        }
    }
}
