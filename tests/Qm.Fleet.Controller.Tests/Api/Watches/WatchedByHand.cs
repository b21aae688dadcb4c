using System.Threading.Channels;
using Microsoft.Extensions.Hosting.Internal;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Qm.Fleet.Controller.Api.Watches;
using Qm.Fleet.Controller.Storage;

namespace Qm.Fleet.Controller.Tests.Api.Watches;

/// <summary>Nodes that a test changes, with an event log of who came and went, watched by the controller's own code. A new run of the controller is <see cref="Restart"/>.</summary>
internal sealed class WatchedByHand : IWatchSource<V1.Node>
{
    private readonly SortedDictionary<string, V1.Node> _nodes = new(StringComparer.Ordinal);
    private readonly List<(string Name, string What)> _events = [];
    private readonly Lock _gate = new();
    private ChangeFeed _feed = new();
    private int _uids;
    private int _epochs;

    public WatchedByHand(WatchLimits? limits = null)
    {
        Limits = limits ?? WatchLimits.Usual;
        Watched = New();
    }

    public WatchLimits Limits { get; }

    public FakeTimeProvider Time { get; } = new();

    public ApplicationLifetime Lifetime { get; } = new(NullLogger<ApplicationLifetime>.Instance);

    public WatchedResources<V1.Node> Watched { get; private set; }

    /// <summary>Thrown by whoever reads; null for none.</summary>
    public Exception? Trouble { get; set; }

    public ResourceKind Kind => ResourceKind.Node;

    public bool FollowsFromOthers => false;

    public long LastEvent
    {
        get
        {
            lock (_gate)
            {
                return _events.Count;
            }
        }
    }

    public V1.Metadata MetadataOf(V1.Node resource) => resource.Metadata;

    public V1.Node Gone(string name) => new() { Metadata = new() { Name = name } };

    public IEnumerable<KeyValuePair<string, V1.Node?>> All()
    {
        lock (_gate)
        {
            return Trouble is null ? [.. _nodes.Select(static node => KeyValuePair.Create(node.Key, (V1.Node?)node.Value))] : throw Trouble;
        }
    }

    public IEnumerable<KeyValuePair<string, V1.Node?>> Find(IReadOnlyCollection<string> names)
    {
        lock (_gate)
        {
            return Trouble is null ? [.. names.Select(name => KeyValuePair.Create(name, _nodes.GetValueOrDefault(name)))] : throw Trouble;
        }
    }

    public IReadOnlyDictionary<string, ResourceLife> LivesAfter(long number)
    {
        lock (_gate)
        {
            return _events.Skip((int)number).GroupBy(static entry => entry.Name).ToDictionary(
                static entries => entries.Key,
                static entries => new ResourceLife(entries.First().What != "came", entries.Any(static entry => entry.What == "went")));
        }
    }

    /// <summary>The nodes as they are.</summary>
    public Dictionary<string, V1.Node> Nodes()
    {
        lock (_gate)
        {
            return _nodes.ToDictionary();
        }
    }

    /// <summary>Makes or changes a node: the generation counts, and labels and revision are as said.</summary>
    public void Set(string name, string zone = "cockpit", string revision = "")
    {
        lock (_gate)
        {
            var before = _nodes.GetValueOrDefault(name);
            _nodes[name] = new()
            {
                Metadata = new() { Name = name, Uid = before?.Metadata.Uid ?? $"uid{++_uids}", Generation = (before?.Metadata.Generation ?? 0) + 1, Labels = { ["zone"] = zone } },
                Status = new() { Revision = revision },
            };
            if (before is null || before.Metadata.Labels["zone"] != zone)
            {
                _events.Add((name, before is null ? "came" : "changed"));
            }
        }
        _feed.Publish(ResourceKind.Node, name);
    }

    public void Delete(string name)
    {
        lock (_gate)
        {
            if (!_nodes.Remove(name))
            {
                return;
            }
            _events.Add((name, "went"));
        }
        _feed.Publish(ResourceKind.Node, name);
    }

    /// <summary>What lasts is there still, and what is in memory is not.</summary>
    public void Restart()
    {
        _feed = new();
        Watched = New();
    }

    /// <summary>Begins to watch.</summary>
    public HandWatch Watch(string token = "", string selector = "", string fields = "") => new(Watched, token, selector, fields);

    private WatchedResources<V1.Node> New()
    {
        _epochs++;
        var number = 0;
        return new(this, _feed, Limits, Lifetime, Time, new(() => $"epoch{_epochs}.{++number}"), NullLogger<WatchedResources<V1.Node>>.Instance);
    }
}

/// <summary>One message of a watch.</summary>
internal sealed record Told(V1.ChangeType Type, V1.Node? Node, string Token)
{
    public override string ToString() => Node is null ? $"{Type}" : $"{Type} {Node.Metadata.Name} {Node.Metadata.Generation}";
}

/// <summary>A watch whose client takes a message when the test does.</summary>
internal sealed class HandWatch : IAsyncDisposable
{
    private readonly CancellationTokenSource _end = new();
    private readonly Channel<Told> _told = Channel.CreateBounded<Told>(1);

    public HandWatch(WatchedResources<V1.Node> watched, string token, string selector, string fields) => Run = Task.Run(() => watched.WatchAsync(
        WatchFilter<V1.Node>.Read(selector, fields, static node => node.Metadata), token,
        (type, node, at, ct) => _told.Writer.WriteAsync(new(type, node, at), ct).AsTask(), _end.Token));

    public Task Run { get; }

    /// <summary>Takes the next message; the watch's failure when it has ended.</summary>
    public async Task<Told> NextAsync()
    {
        var next = _told.Reader.ReadAsync(TestContext.Current.CancellationToken).AsTask();
        if (await Task.WhenAny(next, Run).WaitAsync(RunningController.Deadline) == Run && !next.IsCompleted && !_told.Reader.TryPeek(out _))
        {
            await Run;
        }
        return await next.WaitAsync(RunningController.Deadline);
    }

    /// <summary>Takes messages up to a bookmark, without it.</summary>
    public async Task<List<string>> UntilBookmarkAsync()
    {
        var told = new List<string>();
        while (true)
        {
            var next = await NextAsync();
            if (next.Type == V1.ChangeType.Bookmark)
            {
                return told;
            }
            told.Add(next.ToString());
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        try
        {
            await Run;
        }
        catch (Exception e) when (e is OperationCanceledException or Grpc.Core.RpcException or IOException)
        {
            Assert.True(Run.IsCompleted);
        }
        _end.Dispose();
    }
}
