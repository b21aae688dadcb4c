using System.Collections.Immutable;

namespace Qm.Fleet.Controller.Api.Watches;

/// <summary>One change of one resource. Before and after are shared by everybody who is told, and never changed.</summary>
/// <param name="Position">Counts changes of the kind, from 1, since the log began.</param>
/// <param name="Event">The event log's number up to which everything was told when this was.</param>
/// <param name="Name">The resource's name.</param>
/// <param name="Before">As it was told last; null for one that came.</param>
/// <param name="After">As it is; null for one that went.</param>
internal sealed record ResourceChange<T>(long Position, long Event, string Name, T? Before, T? After)
    where T : class;

/// <summary>Everything there is of a kind at one position of its log.</summary>
/// <param name="Position">The last change that is in it.</param>
/// <param name="Event">The event log's number up to which everything is in it.</param>
/// <param name="Resources">By name.</param>
internal sealed record WatchView<T>(long Position, long Event, ImmutableSortedDictionary<string, T> Resources)
    where T : class;
