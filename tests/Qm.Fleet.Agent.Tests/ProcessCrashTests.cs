using System.Text.Json;
using Qm.Fleet.Agent.Revisions;
using Qm.Fleet.V1;
using Commit = Qm.Fleet.V1.Commit;

namespace Qm.Fleet.Agent.Tests;

/// <summary>The agent, killed by SIGKILL for real, at moments spread over everything from the first byte of a command to its result.</summary>
[Trait("Requirement", "QMF-RULE-4")]
public sealed class ProcessCrashTests(ITestOutputHelper output)
{
    private const int Workers = 2;
    private const int Seed = 20_261;

    // A managed start takes several times as long as a native one, which CI has built by then.
    private static readonly int Kills = AgentProcess.Program.Kind == "managed" ? 60 : 500;

    [Fact(Timeout = 600_000)]
    public async Task Process_KilledAtRandomInApplyRollbackAndRemoval_HasOldOrNewFilesAfterItsNextStart()
    {
        var tallies = await Task.WhenAll(Enumerable.Range(0, Workers).Select(worker => Task.Run(() => RunAsync(worker, Kills / Workers), TestContext.Current.CancellationToken)));
        var all = tallies.Aggregate((one, other) => one + other);
        output.WriteLine($"{AgentProcess.Program.Kind} agent: {all}");

        Assert.Equal(Kills, all.Applies + all.Rollbacks + all.Removals);
        Assert.True(all is { Applies: > 0, Rollbacks: > 0, Removals: > 0, Old: > 0, New: > 0 }, $"not every case came about: {all}");
        Assert.True(all.JournalUndone + all.JournalFinished > 0, $"no kill hit a commit on its way: {all}");
    }

    private static async Task<Tally> RunAsync(int worker, int kills)
    {
        using var node = new EmulatedNode();
        var (authority, server) = TestGateway.Certificates("127.0.0.1");
        TestGateway.Enrol(node, "ecu01", authority);
        await using var gateway = await TestGateway.StartAsync(server);
        Dictionary<string, SortedDictionary<string, string>> trees = [];
        var (shortest, longest) = (TimeSpan.MaxValue, TimeSpan.Zero);
        foreach (var revision in new[] { Sample.Old, Sample.New, Sample.Old, Sample.Nothing, Sample.Old, Sample.New })
        {
            await using var agent = await AgentProcess.StartAsync(node, gateway);
            await agent.Stream.ReportAsync(_ => true);
            var start = TimeProvider.System.GetTimestamp();
            await BeginAsync(agent, revision);
            await agent.Stream.ReportAsync(report => report.Revision == revision.Revision);
            var took = TimeProvider.System.GetElapsedTime(start);
            (shortest, longest) = (took < shortest ? took : shortest, took > longest ? took : longest);
            trees[revision.Revision] = node.OwnedTrees();
        }

        var random = new Random(Seed + worker);
        var tally = new Tally();
        var (before, expected) = ("r2", "r2");
        for (var kill = 0; kill <= kills; kill++)
        {
            TestContext.Current.CancellationToken.ThrowIfCancellationRequested();
            await using var agent = await AgentProcess.StartAsync(node, gateway);
            var found = await agent.Stream.ReportAsync(_ => true);
            Assert.True(found.Revision == before || found.Revision == expected, $"worker {worker}, kill {kill}: revision \"{found.Revision}\", neither {before} nor {expected}");
            Assert.True(trees[found.Revision].SequenceEqual(node.OwnedTrees()), $"worker {worker}, kill {kill}: the files are not those of {found.Revision}");
            Assert.Empty(found.Problems);
            Assert.False(File.Exists(JournalOf(node)), $"worker {worker}, kill {kill}: the journal is still there");
            if (kill > 0)
            {
                tally += found.Revision == expected ? new Tally { New = 1 } : new Tally { Old = 1 };
            }

            if (kill == kills)
            {
                break;
            }

            var target = found.Revision != "r1" ? Sample.Old : random.Next(2) == 0 ? Sample.New : Sample.Nothing;
            (before, expected) = (found.Revision, target.Revision);
            await BeginAsync(agent, target);
            if (kill % 2 == 0)
            {
                Wait(random.NextDouble() * longest, () => false);
            }
            else
            {
                // The commit itself is short against the rest: every other kill is aimed at it.
                Wait(longest, () => File.Exists(JournalOf(node)));
                Wait(random.NextDouble() * shortest / 8, () => false);
            }

            await agent.DisposeAsync();
            tally += new Tally { Applies = expected == "r2" ? 1 : 0, Rollbacks = expected == "r1" ? 1 : 0, Removals = expected == "r3" ? 1 : 0 } + JournalTally(node);
        }

        return tally;
    }

    // Both at once: the second is carried out right after the first.
    private static async Task BeginAsync(AgentProcess agent, StagedRevision revision)
    {
        await agent.Stream.SendAsync(new Command { Stage = AgentProcess.Wire(revision) });
        await agent.Stream.SendAsync(new Command { Commit = new Commit { Revision = revision.Revision } });
    }

    // The fault, not a wait for something; timers are too coarse for a commit of a few milliseconds.
    private static void Wait(TimeSpan moment, Func<bool> isSooner)
    {
        var start = TimeProvider.System.GetTimestamp();
        while (TimeProvider.System.GetElapsedTime(start) < moment && !isSooner())
        {
            Thread.Yield();
        }
    }

    private static Tally JournalTally(EmulatedNode node)
    {
        if (!File.Exists(JournalOf(node)))
        {
            return new();
        }

        using var journal = JsonDocument.Parse(File.ReadAllBytes(JournalOf(node)));
        return journal.RootElement.GetProperty("Applying").GetBoolean() ? new() { JournalFinished = 1 } : new() { JournalUndone = 1 };
    }

    private static string JournalOf(EmulatedNode node) => node.Of("var/lib/qm-fleet/journal.json");

    /// <summary>How often each case came about; a journal at the next start is of a commit that was on its way, by what recovery does with it.</summary>
    private sealed record Tally
    {
        public int Applies { get; init; }

        public int Rollbacks { get; init; }

        public int Removals { get; init; }

        public int Old { get; init; }

        public int New { get; init; }

        public int JournalUndone { get; init; }

        public int JournalFinished { get; init; }

        public static Tally operator +(Tally one, Tally other) => new()
        {
            Applies = one.Applies + other.Applies,
            Rollbacks = one.Rollbacks + other.Rollbacks,
            Removals = one.Removals + other.Removals,
            Old = one.Old + other.Old,
            New = one.New + other.New,
            JournalUndone = one.JournalUndone + other.JournalUndone,
            JournalFinished = one.JournalFinished + other.JournalFinished,
        };

        public override string ToString() =>
            $"{Applies + Rollbacks + Removals} kills ({Applies} of an apply, {Rollbacks} of a rollback, {Removals} of the removal of everything): {Old} left old, {New} left new; "
            + $"{JournalUndone + JournalFinished} left a journal ({JournalUndone} undone, {JournalFinished} finished)";
    }
}
