using System.Globalization;
using Qm.Fleet.Core.Revisions;

namespace Qm.Fleet.Core.Rollouts;

/// <summary>What a node tells of the revision it has, or is on its way to.</summary>
internal static class RolloutHealth
{
    /// <summary>Where a node stands after a look at it.</summary>
    internal static RolloutMember Observe(RolloutMember member, RolloutNode node, RolloutState state, RolloutPolicy policy, DateTimeOffset now) => (member.State, state.To) switch
    {
        (MemberState.Waiting, _) when node.KnownBad is { } bad && !member.HasFailed => member.To(MemberState.Returned, now) with { Failure = bad },
        (MemberState.Waiting, var to) when node.Target == to && node.Progress == NodeProgress.Failed => member.To(MemberState.Returned, now) with { Failure = node.Reason },
        (MemberState.Waiting or MemberState.Moving, Removal.Revision) when Has(node, Removal.Revision) => member.To(MemberState.Done, now),
        // Nothing had to be changed.
        (MemberState.Waiting, var to) when Has(node, to) => (member with { Mark = node.Health }).To(MemberState.Soaking, now) with { HealthySince = now },
        (MemberState.Moving, var to) when Has(node, to) => member.To(MemberState.Soaking, now) with
        {
            HealthySince = now,
            Mark = member.Mark.Renewed(node.Health),
            Took = node.WatchedSince > member.Since ? null : now - member.Since,
        },
        (MemberState.Moving, var to) when Broken(node, to) is { } broken => member.Failed(broken, now),
        // Nothing was done to it yet.
        (MemberState.Moving, _) when node.Postponed => member.To(MemberState.Waiting, now),
        (MemberState.Moving, _) when now >= Begin(member, node) + policy.Deadline => member.Failed($"it was not Ready within {Span(policy.Deadline)}: {node.Reason}", now),
        (MemberState.Soaking, var to) => Soak(member, node, to, policy, now),
        // What nobody could mend is what the revision does there, whether its rollout still runs or not.
        (MemberState.Done, var to) when node.Condemned is { } condemned && node.Target == to => member.Failed(condemned, now),
        // A rollout that still runs takes note of what breaks behind it.
        (MemberState.Done, var to) when !state.HasEnded && Broken(node, to) is { } broken => member.Failed(broken, now),
        // It never left, or went back by itself and is down for that.
        (MemberState.Leaving, _) when node.Revision == member.Base => member.To(node.Availability == Availability.Serving ? MemberState.Returned : MemberState.Returning, now),
        (MemberState.Returning, _) when Has(node, member.Base) => member.To(MemberState.Returned, now),
        (MemberState.Returning, _) when Broken(node, member.Base) is { } stuck => member.To(MemberState.Stuck, now) with { Failure = member.HasFailed ? member.Failure : $"it cannot go back: {stuck}" },
        _ => member,
    };

    /// <summary>When a node's state changes by itself; null when it does not.</summary>
    internal static DateTimeOffset? Wake(RolloutMember member, RolloutNode node, RolloutPolicy policy) => member switch
    {
        { State: MemberState.Moving } => Begin(member, node) + policy.Deadline,
        { State: MemberState.Soaking, HealthySince: { } since } => since + policy.Soak,
        { State: MemberState.Soaking } => Begin(member, node) + policy.Soak + policy.Deadline,
        _ => null,
    };

    /// <summary>From when on a node's time counts: a controller that was away did not see how long it took.</summary>
    internal static DateTimeOffset Begin(RolloutMember member, RolloutNode node) => node.WatchedSince > member.Since ? node.WatchedSince : member.Since;

    internal static string Span(TimeSpan span) => span switch
    {
        { TotalMinutes: < 2 } => string.Create(CultureInfo.InvariantCulture, $"{span.TotalSeconds:0.#} s"),
        { TotalHours: < 2 } => string.Create(CultureInfo.InvariantCulture, $"{span.TotalMinutes:0.#} min"),
        { TotalDays: < 2 } => string.Create(CultureInfo.InvariantCulture, $"{(int)span.TotalHours} h {span.Minutes} min"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{(int)span.TotalDays} d {span.Hours} h"),
    };

    private static RolloutMember Soak(RolloutMember member, RolloutNode node, string to, RolloutPolicy policy, DateTimeOffset now)
    {
        if (Unhealthy(member, node, to, policy) is { } reason)
        {
            return member.Failed(reason, now);
        }

        if (!Has(node, to))
        {
            return now >= Begin(member, node) + policy.Soak + policy.Deadline ? member.Failed($"it did not stay Ready: {node.Reason}", now)
                : member.HealthySince is null ? member : member with { HealthySince = null };
        }

        var healthy = member.HealthySince is null ? member with { HealthySince = now } : member;
        return now >= healthy.HealthySince + policy.Soak ? healthy.To(MemberState.Done, now) : healthy;
    }

    private static string? Unhealthy(RolloutMember member, RolloutNode node, string to, RolloutPolicy policy)
    {
        if (node.Availability is Availability.Unheard or Availability.Away)
        {
            return null;
        }

        var since = node.Health.Since(member.Mark);
        return Broken(node, to) is { } broken ? broken
            : node.Fault is { } fault ? $"while it soaked: {fault}"
            : since.OomKills > 0 ? $"while it soaked: the kernel killed {since.OomKills} times for memory"
            : since.Restarts > policy.MaxRestarts ? $"while it soaked: units restarted by themselves {since.Restarts} times, allowed are {policy.MaxRestarts}"
            : node.Pressure > policy.MaxPressure ? string.Create(CultureInfo.InvariantCulture, $"while it soaked: memory pressure is {node.Pressure:0.#} %, allowed is {policy.MaxPressure:0.#} %")
            : null;
    }

    private static bool Has(RolloutNode node, string revision) =>
        node.Target == revision && node.Revision == revision && node.Progress == NodeProgress.Ready
        && (node.Availability == Availability.Serving || (revision == Removal.Revision && node.Availability >= Availability.Down));

    private static string? Broken(RolloutNode node, string revision) => node.Target == revision && node.Progress == NodeProgress.Failed ? node.Reason : null;
}
