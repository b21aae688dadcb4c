using System.Globalization;

namespace Qm.Fleet.Core.Supervision;

/// <summary>What is known of a fleet over time.</summary>
/// <param name="CorrelatedSince">Since when so many of its nodes fail that no restart is held to cure it; null when that is not so.</param>
public sealed record FleetSupervision(DateTimeOffset? CorrelatedSince)
{
    /// <summary>Nothing was seen yet.</summary>
    public static FleetSupervision New { get; } = new((DateTimeOffset?)null);
}

/// <summary>What keeps a fleet's nodes from being healed.</summary>
/// <param name="For">What is waited for, a CamelCase word that follows "WaitFor".</param>
/// <param name="Reason">A sentence.</param>
/// <param name="Until">When it ends by itself; null when it does not.</param>
public sealed record HealingHold(string For, string Reason, DateTimeOffset? Until);

/// <summary>Whether a fleet's nodes may be healed now.</summary>
/// <param name="State">What is known of the fleet now; the same instance when nothing changed.</param>
/// <param name="Hold">What keeps them from it; null when nothing does.</param>
/// <param name="Notice">What happened; null when nothing did.</param>
public sealed record FleetHealingVerdict(FleetSupervision State, HealingHold? Hold, SupervisionNotice? Notice);

/// <summary>Keeps a common cause from restarting a whole fleet: what fails on many nodes at once is not mended node by node.</summary>
public static class FleetHealing
{
    /// <summary>Whether the nodes of a fleet may be healed now.</summary>
    /// <param name="nodes">What counts of the nodes of the fleet; one of which nothing does may be left out.</param>
    /// <param name="asking">What counts of the node that asks, as it is in <paramref name="nodes"/>.</param>
    /// <param name="size">How many nodes the fleet has.</param>
    /// <param name="state">What was known of the fleet before.</param>
    /// <param name="policy">How it is healed.</param>
    /// <param name="now">The time.</param>
    public static FleetHealingVerdict Judge(IReadOnlyCollection<NodeTrouble> nodes, NodeTrouble asking, int size, FleetSupervision state, SupervisionPolicy policy, DateTimeOffset now)
    {
        var limit = policy.CorrelatedOf(size);
        var lately = now - policy.Within;
        var (atOnce, failing) = (0, 0);
        foreach (var node in nodes)
        {
            failing += node.FailingSince is null ? 0 : 1;
            atOnce += node.IsSince(lately, now) ? 1 : 0;
        }

        if (state.CorrelatedSince is null && atOnce >= limit)
        {
            var message = string.Create(CultureInfo.InvariantCulture, $"{atOnce} of {size} nodes fail within {Environments.Durations.Text(policy.Within)}, which has a common cause; nothing is healed until fewer than {limit} do");
            var since = state with { CorrelatedSince = now };
            return new(since, Held(since, limit), new("CorrelatedFailure", NoticeSeverity.Critical, "", message));
        }

        if (state.CorrelatedSince is not null && Math.Max(failing, atOnce) >= limit)
        {
            return new(state, Held(state, limit), null);
        }

        var over = state.CorrelatedSince is null ? null
            : new SupervisionNotice("CorrelatedFailureOver", NoticeSeverity.Info, "", string.Create(CultureInfo.InvariantCulture, $"{failing} of {size} nodes fail; they are healed again"));
        var acts = policy.FleetBudget.Counting(nodes.SelectMany(static node => node.Acts), now).ToArray();
        var room = policy.FleetBudget.Room(acts, now);
        var hold = room > now ? new HealingHold("FleetBudget", $"the fleet's budget of {policy.FleetBudget} is used up", room)
            // One that failed long ago has no part in what ails the others now, and is not to make them as many as have a common cause.
            : !asking.IsSince(lately, now) && atOnce + 1 >= limit ? new("Others", string.Create(CultureInfo.InvariantCulture, $"{atOnce} of {size} nodes failed or were healed within {Environments.Durations.Text(policy.Within)}, and {limit} are not healed together"), null)
            : null;
        return new(over is null ? state : FleetSupervision.New, hold, over);
    }

    private static HealingHold Held(FleetSupervision state, int limit) => new(
        "CorrelatedFailure", string.Create(CultureInfo.InvariantCulture, $"many nodes of its fleet have failed at once at {state.CorrelatedSince:u}, which has a common cause; they are healed again when fewer than {limit} fail"), null);
}
