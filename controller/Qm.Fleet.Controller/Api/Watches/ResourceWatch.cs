using Qm.Fleet.Controller.Storage;

namespace Qm.Fleet.Controller.Api.Watches;

/// <summary>One watch of one kind of resource: what there is, a bookmark, then what becomes of it.</summary>
/// <remarks>
/// Changes that come while the client reads are sent as their outcome, so a watch holds at most the last message of each resource. A resource
/// whose labels stop matching counts as deleted, one that was deleted and made again as both.
/// </remarks>
/// <param name="kind">The kind.</param>
/// <param name="feed">Tells of changes.</param>
/// <param name="matches">Which resources.</param>
/// <param name="metadata">A resource's metadata.</param>
/// <param name="send">Sends one change; the resource is null for a bookmark.</param>
internal sealed class ResourceWatch<T>(
    ResourceKind kind, ChangeFeed feed, Func<T, bool> matches, Func<T, V1.Metadata> metadata,
    Func<V1.ChangeType, T?, CancellationToken, Task> send)
    where T : class, IEquatable<T>
{
    private readonly Dictionary<string, T> _told = new(StringComparer.Ordinal);

    /// <summary>Runs until cancelled.</summary>
    /// <param name="all">Everything there is; read after the watch began to listen, so nothing falls between.</param>
    /// <param name="find">A resource by name; null when there is none.</param>
    /// <param name="ct">Ends the watch.</param>
    public async Task RunAsync(IEnumerable<T> all, Func<string, T?> find, CancellationToken ct)
    {
        using var changes = feed.Subscribe(kind);
        foreach (var resource in all.Where(Matches))
        {
            _told[metadata(resource).Name] = resource;
            await send(V1.ChangeType.Snapshot, resource, ct).ConfigureAwait(false);
        }
        await send(V1.ChangeType.Bookmark, null, ct).ConfigureAwait(false);
        while (true)
        {
            foreach (var key in (await changes.WaitAsync(ct).ConfigureAwait(false)).OrderBy(static key => key.Name, StringComparer.Ordinal))
            {
                await TellAsync(key.Name, find(key.Name), ct).ConfigureAwait(false);
            }
        }
    }

    private async Task TellAsync(string name, T? found, CancellationToken ct)
    {
        var now = found is not null && Matches(found) ? found : null;
        var before = _told.GetValueOrDefault(name);
        if (before is not null && (now is null || metadata(now).Uid != metadata(before).Uid))
        {
            _told.Remove(name);
            await send(V1.ChangeType.Deleted, before, ct).ConfigureAwait(false);
            before = null;
        }
        if (now is null || now.Equals(before))
        {
            return;
        }
        _told[name] = now;
        await send(before is null ? V1.ChangeType.Added : V1.ChangeType.Modified, now, ct).ConfigureAwait(false);
    }

    private bool Matches(T resource) => matches(resource);
}
