using Qm.Fleet.Controller.Storage;

namespace Qm.Fleet.Controller.Api.Watches;

/// <summary>Where the resources of a kind that is watched are read.</summary>
internal interface IWatchSource<T>
    where T : class
{
    /// <summary>The kind.</summary>
    ResourceKind Kind { get; }

    /// <summary>Whether some of what is shown follows from other resources, so that it changes without being told.</summary>
    bool FollowsFromOthers { get; }

    /// <summary>A resource's metadata.</summary>
    V1.Metadata MetadataOf(T resource);

    /// <summary>All that is left to tell of a resource that is gone.</summary>
    T Gone(string name);

    /// <summary>The event log's number up to which everything has been published.</summary>
    long LastEvent { get; }

    /// <summary>Everything there is, by name.</summary>
    IEnumerable<KeyValuePair<string, T?>> All();

    /// <summary>Resources as they are, in the order asked, null for one that there is not.</summary>
    IEnumerable<KeyValuePair<string, T?>> Find(IReadOnlyCollection<string> names);

    /// <summary>What the event log tells of the lives of resources after a number.</summary>
    IReadOnlyDictionary<string, ResourceLife> LivesAfter(long number);
}
