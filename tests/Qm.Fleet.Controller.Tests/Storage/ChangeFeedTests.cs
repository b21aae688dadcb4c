using Qm.Fleet.Controller.Storage;

namespace Qm.Fleet.Controller.Tests.Storage;

public sealed class ChangeFeedTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Wait_ManyChangesOfFewResources_FindsEachOnce()
    {
        var feed = new ChangeFeed();
        using var changes = feed.Subscribe(ResourceKind.Node);
        for (var index = 0; index < 1000; index++)
        {
            feed.Publish(ResourceKind.Node, $"ecu{index % 3}");
            feed.Publish(ResourceKind.Fleet, "cockpit");
        }

        var dirty = await changes.WaitAsync(Ct);

        Assert.Equal(["ecu0", "ecu1", "ecu2"], dirty.Select(static key => key.Name).Order(StringComparer.Ordinal));
        Assert.False(changes.WaitAsync(Ct).IsCompleted);
    }

    [Fact]
    public async Task Wait_BeforeTheChange_IsWoken()
    {
        var feed = new ChangeFeed();
        using var changes = feed.Subscribe(ResourceKind.Event);
        var waiting = changes.WaitAsync(Ct);

        feed.Publish(ResourceKind.Event, "");

        Assert.Single(await waiting);
    }

    [Fact]
    public async Task Take_WhileSomebodyWaits_LeavesThemWaitingForWhatComes()
    {
        var feed = new ChangeFeed();
        using var changes = feed.Subscribe(ResourceKind.Node);
        var waiting = changes.WaitAsync(Ct);
        Assert.Empty(changes.Take());

        feed.Publish(ResourceKind.Node, "ecu1");

        Assert.Single(await waiting);
        feed.Publish(ResourceKind.Node, "ecu2");
        await changes.ChangedAsync(Ct);
        Assert.Equal(["ecu2"], changes.Take().Select(static key => key.Name));
        Assert.False(changes.ChangedAsync(Ct).IsCompleted);
    }

    [Fact]
    public void Publish_AfterDispose_ReachesNobody()
    {
        var feed = new ChangeFeed();
        var changes = feed.Subscribe(ResourceKind.Event);
        changes.Dispose();

        feed.Publish(ResourceKind.Event, "");

        Assert.False(changes.WaitAsync(Ct).IsCompleted);
    }
}
