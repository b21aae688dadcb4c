using Google.Protobuf;

namespace Qm.Fleet.Controller.Api.Watches;

/// <summary>One watch: what there is, or what changed since a token, a bookmark, then every change once and in order, and a bookmark now and then.</summary>
/// <remarks>
/// It is a place in the log of all changes and holds nothing else, so it costs what it sends. A resource that comes into what is selected counts as added, one that
/// leaves it as deleted, one that was deleted and made again as both.
/// </remarks>
/// <param name="resources">The kind.</param>
/// <param name="filter">Which of them.</param>
/// <param name="send">Sends one message with its token; the resource is null for a bookmark.</param>
/// <param name="time">Says when a bookmark is due.</param>
internal sealed class ResourceWatch<T>(
    WatchedResources<T> resources, WatchFilter<T> filter, Func<V1.ChangeType, T?, string, CancellationToken, Task> send, TimeProvider time)
    where T : class, IMessage<T>, new()
{
    /// <summary>How often a bookmark moves the client's token, also when there is nothing else to tell.</summary>
    public static readonly TimeSpan BookmarkEvery = TimeSpan.FromSeconds(60);

    /// <summary>How many events may have passed since a token whose log is gone.</summary>
    public const int MaxEvents = 100_000;

    /// <summary>What a client does that was too slow.</summary>
    public const string GoOn = "Watch again with the resume_token in this error's metadata, and read faster.";

    private const string TooOld = "The resume token is too old: more has changed since than is kept.";

    private readonly string _question = filter.ToString();
    private WatchToken _at = new("", 0, 0);
    private bool _wasLate;

    /// <summary>Runs until cancelled.</summary>
    /// <param name="resumeToken">Where to go on; empty for a snapshot.</param>
    /// <param name="ct">Ends the watch.</param>
    /// <exception cref="Grpc.Core.RpcException">INVALID_ARGUMENT, OUT_OF_RANGE or RESOURCE_EXHAUSTED.</exception>
    public async Task RunAsync(string resumeToken, CancellationToken ct)
    {
        var token = resumeToken.Length == 0 ? null : WatchToken.Read(_question, resumeToken);
        var log = resources.Open();
        using var timer = new PeriodicTimer(BookmarkEvery, time);
        var bookmark = timer.WaitForNextTickAsync(ct).AsTask();
        if (token is null)
        {
            await SnapshotAsync(log.Epoch, log.View, "", ct).ConfigureAwait(false);
        }
        else if (token.Epoch == log.Epoch)
        {
            await GoOnAsync(log, token, ct).ConfigureAwait(false);
        }
        else
        {
            await CatchUpAsync(log, token, ct).ConfigureAwait(false);
        }

        // Who begins far behind may be so until it caught up.
        _wasLate = log.IsLate(_at.Position);
        while (true)
        {
            while (!bookmark.IsCompleted && await StepAsync(log, ct).ConfigureAwait(false))
            {
            }

            var grown = log.GrownAsync(_at.Position);
            if (bookmark.IsCompleted || await Task.WhenAny(bookmark, grown).ConfigureAwait(false) == bookmark)
            {
                await bookmark.ConfigureAwait(false);
                bookmark = timer.WaitForNextTickAsync(ct).AsTask();
                await BookmarkAsync(log, ct).ConfigureAwait(false);
            }
            else
            {
                await grown.ConfigureAwait(false);
            }
        }
    }

    // What comes after a name, as it is at one position of the log; what comes before it has been told up to that position.
    private async Task SnapshotAsync(string epoch, WatchView<T> view, string after, CancellationToken ct)
    {
        foreach (var (name, resource) in view.Resources)
        {
            if (string.CompareOrdinal(name, after) > 0 && filter.Matches(resource))
            {
                await SendAsync(V1.ChangeType.Snapshot, resource, new(epoch, view.Position, view.Event, name), ct).ConfigureAwait(false);
            }
        }

        await SendAsync(V1.ChangeType.Bookmark, null, new(epoch, view.Position, view.Event), ct).ConfigureAwait(false);
    }

    // The log is there still: from the very place.
    private async Task GoOnAsync(ChangeLog<T> log, WatchToken token, CancellationToken ct)
    {
        var view = log.View;
        if (token.Position > view.Position)
        {
            throw Failures.Invalid("resume_token", "it is not the resume_token of a message to the same selectors");
        }

        _at = token;
        if (log.Next(token.Position, out var isKept) is null && !isKept)
        {
            throw Failures.TooOld(TooOld);
        }

        if (token.Upto.Length == 0)
        {
            return;
        }

        while (_at.Position < view.Position)
        {
            await TellAsync(log.Next(_at.Position, out _) ?? throw Failures.TooOld(TooOld), token.Upto, ct).ConfigureAwait(false);
        }

        await SnapshotAsync(log.Epoch, view, token.Upto, ct).ConfigureAwait(false);
    }

    // The log is gone with its controller: the event log still tells what came and went, and whatever may have changed is told as it is now.
    private async Task CatchUpAsync(ChangeLog<T> log, WatchToken token, CancellationToken ct)
    {
        if (filter.IsWithinScope)
        {
            // What lay in it then nobody knows now, and the event log tells of everything.
            throw Failures.TooOld("The resume token is of another run of the controller, and you watch within a scope.");
        }

        var view = log.View;
        if (token.Event > view.Event)
        {
            throw Failures.TooOld($"The resume token is of event {token.Event}, and the event log ends at {view.Event}: it is another controller's, or an older one was restored.");
        }

        if (view.Event - token.Event > MaxEvents)
        {
            throw Failures.TooOld($"The resume token is too old: {view.Event - token.Event} events have passed since.");
        }

        var lives = resources.Source.LivesAfter(token.Event);
        // Until all is told it would be begun again, so a token on the way says only that some of it may have been told.
        var (wasBegun, onTheWay) = (token.Epoch.Length == 0, new WatchToken("", 0, token.Event, token.Upto));
        foreach (var name in view.Resources.Keys.Union(lives.Keys).Order(StringComparer.Ordinal))
        {
            var now = view.Resources.GetValueOrDefault(name) is { } resource && filter.Matches(resource) ? resource : null;
            var life = lives.GetValueOrDefault(name);
            var isOfSnapshot = token.Upto.Length > 0 && string.CompareOrdinal(name, token.Upto) > 0;
            var wasTold = !isOfSnapshot && life is not { WasThere: false };
            if ((wasTold || wasBegun) && ((now is null && MayHaveBeen(name)) || (now is not null && life is { WasDeleted: true })))
            {
                var last = life is { WasDeleted: true } ? null : view.Resources.GetValueOrDefault(name);
                await SendAsync(V1.ChangeType.Deleted, last ?? resources.Source.Gone(name), onTheWay, ct).ConfigureAwait(false);
                wasTold = false;
            }

            if (now is not null)
            {
                await SendAsync(isOfSnapshot ? V1.ChangeType.Snapshot : wasTold ? V1.ChangeType.Modified : V1.ChangeType.Added, now, onTheWay, ct).ConfigureAwait(false);
            }
        }

        await SendAsync(V1.ChangeType.Bookmark, null, new(log.Epoch, view.Position, view.Event), ct).ConfigureAwait(false);

        // What is not selected now may have been: by its labels when the event log speaks of it, by its fields in any case.
        bool MayHaveBeen(string name) => lives.ContainsKey(name) || filter.IsByFields;
    }

    // Whether there was a change to tell, or to pass by.
    private async Task<bool> StepAsync(ChangeLog<T> log, CancellationToken ct)
    {
        var (change, isLate) = (log.Next(_at.Position, out var isKept), log.IsLate(_at.Position));
        if (change is null && isKept)
        {
            return false;
        }

        if (change is null || (isLate && !_wasLate))
        {
            throw Failures.TooSlow(GoOn, _at.Write(_question));
        }

        _wasLate = isLate;
        await TellAsync(change, "", ct).ConfigureAwait(false);
        return true;
    }

    private async Task TellAsync(ResourceChange<T> change, string upto, CancellationToken ct)
    {
        var place = new WatchToken(_at.Epoch, change.Position, change.Event, upto);
        var isAsked = upto.Length == 0 || string.CompareOrdinal(change.Name, upto) <= 0;
        var before = isAsked && change.Before is { } was && filter.Matches(was) ? was : null;
        var after = isAsked && change.After is { } now && filter.Matches(now) ? now : null;
        if (after is not null)
        {
            await SendAsync(before is null ? V1.ChangeType.Added : V1.ChangeType.Modified, after, place, ct).ConfigureAwait(false);
        }
        else if (before is not null)
        {
            await SendAsync(V1.ChangeType.Deleted, before, place, ct).ConfigureAwait(false);
        }
        else
        {
            _at = place;
        }
    }

    // Everything that was published by now, then the event log's number up to which that is so.
    private async Task BookmarkAsync(ChangeLog<T> log, CancellationToken ct)
    {
        resources.Refresh(log);
        var view = log.View;
        while (_at.Position < view.Position && await StepAsync(log, ct).ConfigureAwait(false))
        {
        }

        await SendAsync(V1.ChangeType.Bookmark, null, _at with { Event = Math.Max(_at.Event, view.Event) }, ct).ConfigureAwait(false);
    }

    private Task SendAsync(V1.ChangeType type, T? resource, WatchToken place, CancellationToken ct)
    {
        _at = place;
        return send(type, resource, place.Write(_question), ct);
    }
}
