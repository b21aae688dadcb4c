using Qm.Fleet.Controller.Api.Watches;

namespace Qm.Fleet.Controller.Tests.Api.Watches;

/// <summary>A client that keeps what it is told, holds it against what a watch promises, and goes on from its last token.</summary>
internal sealed class WatchClient(string name)
{
    private string _token = "";

    public string Selector { get; init; } = "zone=cockpit";

    public string Fields { get; init; } = "";

    /// <summary>What it was told there is.</summary>
    public SortedDictionary<string, V1.Node> Has { get; } = new(StringComparer.Ordinal);

    /// <summary>What it was told again though it had it.</summary>
    public int Repeats { get; private set; }

    /// <summary>Watches until it was told so many messages, or the node "~last" as it is when this is called.</summary>
    /// <param name="nodes">What it watches.</param>
    /// <param name="most">How many messages.</param>
    /// <param name="between">Done at each message, before it is taken.</param>
    public async Task RunAsync(WatchedByHand nodes, int most, Action between)
    {
        var (last, told) = (nodes.Nodes()["~last"].Metadata.Generation, 0);
        await Assert.ThrowsAsync<CutOffException>(() => nodes.Watched.WatchAsync(
            WatchFilter<V1.Node>.Read(Selector, Fields, static node => node.Metadata), _token,
            (type, node, token, _) =>
            {
                between();
                Take(type, node);
                _token = token;
                return ++told >= most || (type == V1.ChangeType.Bookmark && Has.GetValueOrDefault("~last")?.Metadata.Generation == last) || node?.Metadata is { Name: "~last" } metadata && metadata.Generation == last
                    ? throw new CutOffException() : Task.CompletedTask;
            },
            TestContext.Current.CancellationToken).WaitAsync(RunningController.Deadline));
    }

    private void Take(V1.ChangeType type, V1.Node? node)
    {
        if (node is null)
        {
            Assert.Equal(V1.ChangeType.Bookmark, type);
            return;
        }

        var has = Has.GetValueOrDefault(node.Metadata.Name);
        switch (type)
        {
            case V1.ChangeType.Deleted:
                Repeats += has is null ? 1 : 0;
                Has.Remove(node.Metadata.Name);
                break;
            case V1.ChangeType.Modified:
                Repeats += has is null || has.Metadata.Uid != node.Metadata.Uid || has.Metadata.Generation >= node.Metadata.Generation ? 1 : 0;
                Has[node.Metadata.Name] = node;
                break;
            case V1.ChangeType.Added or V1.ChangeType.Snapshot:
                Repeats += has is null ? 0 : 1;
                Has[node.Metadata.Name] = node;
                break;
            default:
                Assert.Fail($"{name}: {type}");
                break;
        }
    }

    /// <summary>The connection is gone.</summary>
    private sealed class CutOffException : Exception;
}
