using System.Runtime.CompilerServices;
using Qm.Fleet.Controller.Api.Watches;

namespace Qm.Fleet.Controller.Tests.Api.Watches;

[Collection(nameof(Alone))]
public sealed class ChangeLogTests
{
    [Fact, Trait("Requirement", "QMF-API-042")]
    public void Append_ReadTogether_NotesWhatDiffersInOrder()
    {
        var log = Log(10);
        log.Append(3, [Is("a", 1), Is("b", 1)]);
        log.Append(5, [Is("a", 2), Is("b", 1), Gone("c"), Is("d", 1)]);
        log.Append(6, [Gone("b")]);

        Assert.Equal(
            [(1, 0, "a", 0, 1), (2, 3, "b", 0, 1), (3, 3, "a", 1, 2), (4, 5, "d", 0, 1), (5, 6, "b", 1, 0)],
            All(log).Select(static change => ((int)change.Position, (int)change.Event, change.Name, Value(change.Before), Value(change.After))));
        Assert.Equal((5, 6), (log.View.Position, log.View.Event));
        Assert.Equal([("a", 2), ("d", 1)], log.View.Resources.Select(static resource => (resource.Key, Value(resource.Value))));
    }

    [Fact, Trait("Requirement", "QMF-API-042")]
    public void Append_MadeAgainUnderTheSameName_IsGoneAndCame()
    {
        var log = Log(10);
        log.Append(1, [Is("a", 1)]);
        log.Append(2, [KeyValuePair.Create("a", (V1.Node?)new V1.Node { Metadata = new() { Name = "a", Uid = "another", Generation = 1 } })]);

        Assert.Equal([(0, 1), (1, 0), (0, 1)], All(log).Select(static change => (Value(change.Before), Value(change.After))));
    }

    [Fact, Trait("Requirement", "QMF-API-042")]
    public async Task Grown_NothingDiffers_GoesOnWaiting()
    {
        var log = Log(10);
        log.Append(1, [Is("a", 1)]);
        var waiting = log.GrownAsync(1);
        log.Append(2, [Is("a", 1)]);
        Assert.False(waiting.IsCompleted);
        Assert.Equal(2, log.View.Event);

        log.Append(3, [Is("a", 2)]);

        await waiting.WaitAsync(RunningController.Deadline, TestContext.Current.CancellationToken);
        Assert.True(log.GrownAsync(1).IsCompleted);
        Assert.False(log.GrownAsync(2).IsCompleted);
    }

    [Fact, Trait("Requirement", "QMF-API-044")]
    public void Append_MoreThanIsKept_ForgetsTheOldest()
    {
        var log = Log(8);
        for (var value = 1; value <= 20; value++)
        {
            log.Append(value, [Is("a", value)]);
        }

        Assert.Equal(8, log.Count);
        Assert.Null(log.Next(11, out var isKept));
        Assert.False(isKept);
        Assert.Equal(13, log.Next(12, out isKept)!.Position);
        Assert.True(isKept);
        Assert.Null(log.Next(20, out isKept));
        Assert.True(isKept);
        Assert.Equal([12, 13, 14], Enumerable.Range(0, 21).Where(position => log.IsLate(position) && log.Next(position, out var kept) is not null && kept).Append(14).Distinct());
    }

    [Fact, Trait("Requirement", "QMF-API-044")]
    public void Append_LargeResources_KeepsSoManyBytes()
    {
        var log = new ChangeLog<V1.Node>("e", static node => node.Metadata.Uid, new(1000, 64 * 1024));
        var most = 0L;
        for (var value = 1; value <= 500; value++)
        {
            log.Append(value, [KeyValuePair.Create("a", (V1.Node?)new V1.Node { Metadata = new() { Name = "a", Generation = value }, Status = new() { Revision = new string('x', 2000) } })]);
            most = Math.Max(most, log.Bytes);
        }

        Assert.InRange(most, 60 * 1024, 64 * 1024);
        Assert.InRange(log.Count, 14, 17);
        Assert.Equal(500, log.Next(499, out _)!.After!.Metadata.Generation);
        log.Append(501, [KeyValuePair.Create("b", (V1.Node?)new V1.Node { Metadata = new() { Name = "b" }, Status = new() { Revision = new string('x', 100_000) } })]);
        Assert.Equal((1, "b"), (log.Count, log.Next(500, out _)!.Name));
    }

    [Fact, Trait("Requirement", "QMF-API-044")]
    public void Append_ForEver_HoldsNoMoreThanTheLimitsSay()
    {
        var log = new ChangeLog<V1.Node>("e", static node => node.Metadata.Uid, new(1_000, 256 * 1024));
        var noted = Fill(log, 20_000);

        GC.Collect();

        // What is kept, and what the oldest of it was before.
        Assert.InRange(noted.Count(static node => node.IsAlive), 1_000, 1_000 + 100);
        GC.KeepAlive(log);
    }

    [Fact, Trait("Requirement", "QMF-API-042")]
    public async Task Fail_WhoWaitsAndWhoComes_GetsTheReason()
    {
        var log = Log(10);
        log.Append(1, [Is("a", 1)]);
        var waiting = log.GrownAsync(1);

        log.Fail(new IOException("the disk is gone"));

        Assert.Equal("the disk is gone", (await Assert.ThrowsAsync<IOException>(() => waiting)).Message);
        Assert.Equal("the disk is gone", (await Assert.ThrowsAsync<IOException>(() => log.GrownAsync(1))).Message);
        Assert.True(log.GrownAsync(0).IsCompletedSuccessfully);
    }

    // By itself, so that nothing of it is left on the stack.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static List<WeakReference> Fill(ChangeLog<V1.Node> log, int changes)
    {
        var noted = new List<WeakReference>();
        for (var value = 1; value <= changes; value++)
        {
            var (name, node) = Is($"ecu{value % 100}", value);
            log.Append(value, [KeyValuePair.Create(name, node)]);
            noted.Add(new(node));
        }
        return noted;
    }

    private static ChangeLog<V1.Node> Log(int changes) => new("e", static node => node.Metadata.Uid, new(changes, 1 << 20));

    private static KeyValuePair<string, V1.Node?> Is(string name, int value) => new(name, new() { Metadata = new() { Name = name, Generation = value } });

    private static KeyValuePair<string, V1.Node?> Gone(string name) => new(name, null);

    private static int Value(V1.Node? node) => (int)(node?.Metadata.Generation ?? 0);

    private static IEnumerable<ResourceChange<V1.Node>> All(ChangeLog<V1.Node> log)
    {
        for (var position = 0L; log.Next(position, out _) is { } change; position++)
        {
            yield return change;
        }
    }
}
