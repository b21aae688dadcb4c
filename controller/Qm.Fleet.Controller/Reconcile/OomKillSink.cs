using System.Threading.Channels;
using Qm.Fleet.Controller.Gateway;
using Qm.Fleet.Controller.Storage;

namespace Qm.Fleet.Controller.Reconcile;

/// <summary>Stores the kills for memory that agent extensions tell, those of many nodes at once, and tells them what is stored.</summary>
internal sealed partial class OomKillSink : BackgroundService
{
    private const int Capacity = 1024;
    private const int Batch = 64;

    private readonly Channel<(AgentLink Link, V1.OomKills Kills, DateTimeOffset Heard)> _told =
        Channel.CreateBounded<(AgentLink, V1.OomKills, DateTimeOffset)>(new BoundedChannelOptions(Capacity) { SingleReader = true });

    private readonly OomKillStore _store;
    private readonly LiveNodes _live;
    private readonly EventSink _events;
    private readonly OomAftermath _aftermath;
    private readonly OomResultBook _results;
    private readonly TimeProvider _time;
    private readonly ILogger<OomKillSink> _logger;

    // One for each node that ever told a kill; touched by the one who stores.
    private readonly Dictionary<string, NodeEventPace> _paces = new(StringComparer.Ordinal);
    private readonly DateTimeOffset _begun;
    private readonly long _start;

    public OomKillSink(OomKillStore store, LiveNodes live, EventSink events, TimeProvider time, ILogger<OomKillSink> logger)
    {
        (_store, _live, _events, _time, _logger) = (store, live, events, time, logger);
        (_begun, _start) = (time.GetUtcNow(), time.GetTimestamp());
        _aftermath = new OomAftermath(time);
        _results = new OomResultBook(time);
        live.Looked += after => Note([.. _aftermath.Looked(after), .. _results.Looked(after)]);
    }

    /// <summary>Takes what an agent extension told; what does not fit is told again by it.</summary>
    public void Take(AgentLink link, V1.OomKills kills)
    {
        if (!_told.Writer.TryWrite((link, kills, _time.GetUtcNow())))
        {
            Log.NotTaken(_logger, link.Node, kills.Kills.Count, "too many wait to be stored");
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var batch = new List<(AgentLink Link, V1.OomKills Kills, DateTimeOffset Heard)>(Batch);
        try
        {
            while (await _told.Reader.WaitToReadAsync(stoppingToken))
            {
                while (batch.Count < Batch && _told.Reader.TryRead(out var told))
                {
                    batch.Add(told);
                }

                await StoreAsync(batch, stoppingToken);
                batch.Clear();
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // What is not stored is told to the next controller.
        }
    }

    private async Task StoreAsync(List<(AgentLink Link, V1.OomKills Kills, DateTimeOffset Heard)> batch, CancellationToken ct)
    {
        var read = batch.SelectMany(told => told.Kills.Kills.Select(kill => (told.Link, told.Heard, Wire: kill, Kill: _results.Take(told.Link.Node, OomKillEvents.FromWire(kill))))).Where(told => told.Kill is not null)
            .Select(told => (Told: new ToldKill(
                told.Link.BootId, told.Kill!.Record, OomKillEvents.Of(told.Kill, Ago(told.Wire), told.Link.Node, FleetOf(told.Link.Node))), told.Kill, At: told.Heard - (Ago(told.Wire) ?? TimeSpan.Zero))).ToArray();
        var missing = batch.SelectMany(told => OomKillEvents.OfMissing(told.Kills, told.Link.Node, FleetOf(told.Link.Node))).Select(draft => new ToldKill("", "", draft));
        try
        {
            var added = (await _store.AddAsync([.. read.Select(kill => kill.Told), .. missing], Admit, ct)).ToHashSet(ReferenceEqualityComparer.Instance);
            foreach (var (told, kill, at) in read.Where(kill => added.Contains(kill.Told)))
            {
                Note(_aftermath.Killed(kill, at, told.Event.Node, told.Event.Fleet));
            }
        }
        catch (StoreException e) when (e.IsTransient)
        {
            // Nobody is told that they are stored, so they are told again.
            Log.NotTaken(_logger, batch[0].Link.Node, batch.Sum(told => told.Kills.Kills.Count), e.Message);
            return;
        }

        foreach (var (link, kills, _) in batch)
        {
            var taken = new V1.OomKillsTaken { LeftOut = kills.LeftOut, LostRecords = kills.LostRecords, Records = { kills.Kills.Select(kill => kill.Record) } };
            link.Tell(new() { OomKillsTaken = taken });
        }
    }

    // QM has as many killed as it likes, and each is an event that all others share the log with.
    private EventDraft[] Admit(EventDraft draft)
    {
        if (!_paces.TryGetValue(draft.Node, out var pace))
        {
            _paces[draft.Node] = pace = new(draft.Node);
        }

        return [.. pace.Admit([draft], _begun + _time.GetElapsedTime(_start))];
    }

    private string FleetOf(string node) => _live.Find(node)?.Assignment.Fleet?.Shown ?? "";

    private static TimeSpan? Ago(V1.OomKill kill) => kill.HasAgoMs ? TimeSpan.FromMilliseconds(Math.Max(0, kill.AgoMs)) : null;

    private void Note(IReadOnlyList<EventDraft> drafts)
    {
        foreach (var draft in drafts)
        {
            _events.Note(draft);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(1390, LogLevel.Warning, "{Count} kills for memory told by {Node} and others are not stored yet, and are told again: {Reason}", EventName = nameof(NotTaken))]
        internal static partial void NotTaken(ILogger logger, string node, int count, string reason);
    }
}
