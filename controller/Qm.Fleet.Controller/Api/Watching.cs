using Grpc.Core;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.V1;
using Metadata = Qm.Fleet.V1.Metadata;

namespace Qm.Fleet.Controller.Api;

/// <summary>A watch: everything there is, a bookmark, then what changes.</summary>
/// <remarks>A slow reader finds one change where there were many; what is kept for it is bounded by the number of resources.</remarks>
internal static class Watching
{
    internal static async Task RunAsync<TResource, TChange>(
        ChangeFeed feed, ResourceKind kind, Func<IEnumerable<TResource>> list, Func<string, TResource?> find, Func<TResource, Metadata> metadataOf,
        Func<TResource, bool> matches, Func<ChangeType, TResource?, TChange> toChange, IServerStreamWriter<TChange> stream, CancellationToken ct)
        where TResource : class
    {
        // Subscribed before the list is read, so that nothing falls between the two.
        using var subscription = feed.Subscribe(kind);
        var known = new Dictionary<string, TResource>(StringComparer.Ordinal);
        foreach (var resource in list().Where(matches))
        {
            known[metadataOf(resource).Name] = resource;
            await stream.WriteAsync(toChange(ChangeType.Snapshot, resource), ct);
        }

        await stream.WriteAsync(toChange(ChangeType.Bookmark, null), ct);
        while (true)
        {
            foreach (var name in (await subscription.WaitAsync(ct)).Select(key => key.Name).Order(StringComparer.Ordinal))
            {
                var now = find(name) is { } found && matches(found) ? found : null;
                var before = known.GetValueOrDefault(name);
                if (now is null)
                {
                    if (known.Remove(name))
                    {
                        await stream.WriteAsync(toChange(ChangeType.Deleted, before), ct);
                    }

                    continue;
                }

                known[name] = now;
                if (!now.Equals(before))
                {
                    await stream.WriteAsync(toChange(before is null ? ChangeType.Added : ChangeType.Modified, now), ct);
                }
            }
        }
    }
}
