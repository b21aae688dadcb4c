using Qm.Fleet.Controller.Storage;

namespace Qm.Fleet.Controller.Api.Watches;

/// <inheritdoc/>
internal sealed class NodeSource(Database database, EventLog log, ILiveStatus live) : IWatchSource<V1.Node>
{
    /// <inheritdoc/>
    public ResourceKind Kind => ResourceKind.Node;

    /// <inheritdoc/>
    public bool FollowsFromOthers => false;

    /// <inheritdoc/>
    public long LastEvent => database.AnnouncedEvent;

    /// <inheritdoc/>
    public V1.Metadata MetadataOf(V1.Node resource) => resource.Metadata;

    /// <inheritdoc/>
    public V1.Node Gone(string name) => new() { Metadata = new() { Name = name } };

    /// <inheritdoc/>
    public IEnumerable<KeyValuePair<string, V1.Node?>> All() =>
        database.Read(static db => NodeStore.After(db, "", int.MaxValue)).Select(node => KeyValuePair.Create(node.Name, (V1.Node?)node.ToWire(live)));

    /// <inheritdoc/>
    public IEnumerable<KeyValuePair<string, V1.Node?>> Find(IReadOnlyCollection<string> names) =>
        database.Read(db => names.Select(name => KeyValuePair.Create(name, NodeStore.Find(db, name))).ToList()).Select(found => KeyValuePair.Create(found.Key, found.Value?.ToWire(live)));

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, ResourceLife> LivesAfter(long number) => log.Lives(Kind, number);
}

/// <inheritdoc/>
internal sealed class FleetSource(Database database, EventLog log, ILiveStatus live) : IWatchSource<V1.Fleet>
{
    /// <inheritdoc/>
    public ResourceKind Kind => ResourceKind.Fleet;

    /// <inheritdoc/>
    /// <remarks>How many nodes are ready, above all.</remarks>
    public bool FollowsFromOthers => true;

    /// <inheritdoc/>
    public long LastEvent => database.AnnouncedEvent;

    /// <inheritdoc/>
    public V1.Metadata MetadataOf(V1.Fleet resource) => resource.Metadata;

    /// <inheritdoc/>
    public V1.Fleet Gone(string name) => new() { Metadata = new() { Name = name } };

    /// <inheritdoc/>
    public IEnumerable<KeyValuePair<string, V1.Fleet?>> All() =>
        database.Read(static db => FleetRows.After(db, "", int.MaxValue)).Select(fleet => KeyValuePair.Create(fleet.Name, (V1.Fleet?)fleet.ToWire(live)));

    /// <inheritdoc/>
    public IEnumerable<KeyValuePair<string, V1.Fleet?>> Find(IReadOnlyCollection<string> names) =>
        database.Read(db => names.Select(name => KeyValuePair.Create(name, FleetRows.Find(db, name))).ToList()).Select(found => KeyValuePair.Create(found.Key, found.Value?.ToWire(live)));

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, ResourceLife> LivesAfter(long number) => log.Lives(Kind, number);
}
