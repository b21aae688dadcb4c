namespace Qm.Fleet.Controller.Storage;

/// <summary>Kills for memory as the event log has them, each once however often a node tells it.</summary>
internal sealed class OomKillStore(Database database)
{
    /// <summary>How many of a node's kills are remembered; an agent extension tells at most a quarter of that again.</summary>
    public const int RememberedPerNode = 1024;

    /// <summary>Appends the events of kills that are not in the log yet, all or none; durable when the task completes.</summary>
    /// <param name="told">What nodes told.</param>
    /// <param name="ct">Ends the wait for the turn.</param>
    /// <returns>The kills that were new, in order.</returns>
    /// <exception cref="StoreException">See there for what is worth a retry.</exception>
    public Task<IReadOnlyList<ToldKill>> AddAsync(IReadOnlyList<ToldKill> told, CancellationToken ct) => AddAsync(told, static draft => [draft], ct);

    /// <summary>The same, of so many events as there is room for.</summary>
    /// <param name="told">What nodes told.</param>
    /// <param name="admit">Which events are appended for that of a new kill: none, or it, and what was left out before it. What is left out counts as stored.</param>
    /// <param name="ct">Ends the wait for the turn.</param>
    /// <returns>The kills that were new and have their event, in order.</returns>
    public Task<IReadOnlyList<ToldKill>> AddAsync(IReadOnlyList<ToldKill> told, Func<EventDraft, IReadOnlyList<EventDraft>> admit, CancellationToken ct) => database.WriteAsync<IReadOnlyList<ToldKill>>(
        tx =>
        {
            var added = new List<ToldKill>();
            foreach (var kill in told.Where(kill => kill.Record.Length == 0 || Remember(tx, kill)))
            {
                var drafts = admit(kill.Event);
                foreach (var draft in drafts)
                {
                    tx.Append(draft);
                }
                if (drafts.Count > 0)
                {
                    added.Add(kill);
                }
            }
            foreach (var node in told.Select(static kill => kill.Event.Node).Distinct())
            {
                tx.Execute(
                    """
                    delete from oom_kills where node = @node and event <=
                      (select event from oom_kills where node = @node order by event desc limit 1 offset @RememberedPerNode)
                    """,
                    new { node, RememberedPerNode });
            }
            return added;
        },
        commit: true, ct);

    private static bool Remember(WriteTransaction tx, ToldKill kill) => tx.Execute(
        """
        insert into oom_kills (node, boot_id, record, event) select @Node, @BootId, @Record, coalesce(max(number), 0) + 1 from events where true
        on conflict do nothing
        """,
        new { kill.Event.Node, kill.BootId, kill.Record }) > 0;
}

/// <summary>A kill that a node told.</summary>
/// <param name="BootId">The node's boot.</param>
/// <param name="Record">What the node calls it in that boot; empty for what is no kill by itself, and never told again.</param>
/// <param name="Event">Its event.</param>
internal sealed record ToldKill(string BootId, string Record, EventDraft Event);
