namespace Qm.Fleet.Controller.Storage;

/// <summary>How many revisions of a fleet are kept.</summary>
internal static class RevisionHistory
{
    /// <summary>Forgets the oldest revisions of a fleet beyond a limit, with the rollouts that brought them.</summary>
    /// <remarks>Kept in any case: what the fleet has, what its newest rollout comes from, and what nodes of that have or go back to.</remarks>
    /// <param name="tx">The transaction.</param>
    /// <param name="fleet">The fleet's name.</param>
    /// <param name="limit">How many to keep, at least 1.</param>
    public static void Prune(WriteTransaction tx, string fleet, int limit)
    {
        var old = tx.Query<string>(
            """
            select name from revisions r
            where fleet = @fleet
              and number <= (select max(number) from revisions where fleet = @fleet) - @limit
              and not exists (select 1 from fleets where name = @fleet and revision = r.name)
              and not exists (
                select 1 from rollouts o left join rollout_members m on m.fleet = o.fleet and m.number = o.number
                where o.fleet = @fleet and o.number = (select max(number) from rollouts where fleet = @fleet) and (o.from_revision = r.name or m.base = r.name))
            order by number
            """,
            new { fleet, limit });
        // By number as long as there is no gap; where some were kept beside, the count decides.
        var surplus = (int)tx.QuerySingleOrDefault<long>("select count(*) from revisions where fleet = @fleet", new { fleet }) - limit;
        foreach (var revision in old.Take(Math.Max(surplus, 0)))
        {
            tx.Execute("delete from rollout_members where fleet = @fleet and number in (select number from rollouts where fleet = @fleet and to_revision = @revision)", new { fleet, revision });
            tx.Execute("delete from rollouts where fleet = @fleet and to_revision = @revision", new { fleet, revision });
            tx.Execute("delete from revisions where fleet = @fleet and name = @revision", new { fleet, revision });
        }
    }
}
