using System.Collections.Immutable;
using Qm.Fleet.Core.Reconcile;

namespace Qm.Fleet.Core.Supervision;

/// <summary>What is known of one unit over time. Kept with its node, and stored whenever something is about to be done.</summary>
public sealed record UnitWatch
{
    // Far more than any budget needs to see that a unit does not stay up.
    private const int KeptMax = 64;

    /// <summary>Nothing was seen yet.</summary>
    public static UnitWatch New { get; } = new();

    /// <summary>InvocationID as last read; empty before.</summary>
    public string InvocationId { get; init; } = "";

    /// <summary>NRestarts as last read, without one that is only queued.</summary>
    public long SystemdRestarts { get; init; }

    /// <summary>When it was started without us, as far as seen.</summary>
    public ImmutableArray<DateTimeOffset> SelfRestarts { get; init; } = [];

    /// <summary>When it was restarted by us.</summary>
    public ImmutableArray<DateTimeOffset> Restarts { get; init; } = [];

    /// <summary>Restarts by us since it was last healthy for long enough.</summary>
    public int Attempts { get; init; }

    /// <summary>Which step of the policy it is at, from 0.</summary>
    public int Step { get; init; }

    /// <summary>InvocationID of the run that a person ended; empty when nobody did. It is left so until it runs again.</summary>
    public string Left { get; init; } = "";

    /// <summary>What is wrong with it; empty when nothing is.</summary>
    public string Failure { get; init; } = "";

    /// <summary>Since when that is so; null when nothing is wrong.</summary>
    public DateTimeOffset? FailingSince { get; init; }

    /// <summary>Since when it runs without a break; null while it does not.</summary>
    public DateTimeOffset? HealthySince { get; init; }

    /// <summary>Of QM: since when it has been active without an init; null while it has one, or nobody looked.</summary>
    public DateTimeOffset? EmptySince { get; init; }

    /// <summary>When it may be restarted; null while nothing is wrong.</summary>
    public DateTimeOffset? NotBefore { get; init; }

    /// <summary>Since when it is waited for after something was done about it; null when it is not.</summary>
    public DateTimeOffset? HealingSince { get; init; }

    /// <summary>Takes note of how often it was started since the last look.</summary>
    /// <remarks>
    /// NRestarts counts what systemd does by itself and begins anew with every start by somebody; InvocationID changes with every start. The first look only
    /// takes the two down. NRestarts grows when systemd queues the restart, InvocationID changes when the restart is made: between the two it is not counted yet,
    /// or it would be twice.
    /// </remarks>
    internal UnitWatch Counted(UnitReading unit, RestartBudget budget, DateTimeOffset now)
    {
        var restarts = unit.Restarts - (unit.JobId != 0 && unit.SubState.StartsWith("auto-restart", StringComparison.Ordinal) ? 1 : 0);
        if (InvocationId.Length == 0 || unit.InvocationId.Length == 0)
        {
            return this with { InvocationId = unit.InvocationId.Length == 0 ? InvocationId : unit.InvocationId, SystemdRestarts = restarts };
        }

        var isOther = unit.InvocationId != InvocationId;
        var grown = restarts > SystemdRestarts ? restarts - SystemdRestarts : restarts < SystemdRestarts ? restarts : 0;
        // One start is what was asked for, when something was.
        var starts = Math.Max(grown, isOther ? 1 : 0) - (isOther && HealingSince is not null && grown == 0 ? 1 : 0);
        if (!isOther && grown == 0)
        {
            return this;
        }

        return this with
        {
            InvocationId = unit.InvocationId,
            SystemdRestarts = restarts,
            SelfRestarts = [.. budget.Counting(SelfRestarts, now).Concat(Enumerable.Repeat(now, (int)Math.Min(starts, KeptMax))).TakeLast(KeptMax)],
            HealthySince = starts > 0 ? null : HealthySince,
        };
    }

    /// <summary>Whether it does not run because a person stopped it. systemd forgets the run of a unit that it unloads.</summary>
    public bool IsLeft(UnitReading unit) => Left.Length > 0 && unit.ActiveState is ("inactive" or "failed") && (unit.InvocationId.Length == 0 || unit.InvocationId == Left);

    /// <summary>It runs well.</summary>
    internal UnitWatch Healthy(RestartPolicy policy, DateTimeOffset now)
    {
        var since = HealthySince ?? now;
        var isOver = now - since >= policy.ResetAfter;
        return HealthySince is not null && Failure.Length == 0 && NotBefore is null && !(isOver && (Attempts > 0 || Step > 0)) ? this : this with
        {
            Failure = "",
            FailingSince = null,
            NotBefore = null,
            HealingSince = null,
            HealthySince = since,
            Attempts = isOver ? 0 : Attempts,
            Step = isOver ? 0 : Step,
        };
    }

    /// <summary>It does not; what is done about it waits its time from here.</summary>
    internal UnitWatch Failing(string failure, RestartPolicy policy, double random, DateTimeOffset now) => this with
    {
        Failure = failure,
        FailingSince = FailingSince ?? now,
        HealthySince = null,
        HealingSince = null,
        NotBefore = NotBefore ?? now + policy.Delay(Attempts, random),
    };

    /// <summary>Something is done about it now.</summary>
    /// <param name="isUnit">Whether the unit itself is restarted; else all of QM is, and what the unit did before that tells nothing any more.</param>
    /// <param name="policy">How long restarts count.</param>
    /// <param name="now">The time.</param>
    internal UnitWatch Acted(bool isUnit, SupervisionPolicy policy, DateTimeOffset now) => this with
    {
        Restarts = isUnit ? [.. Restarts.Where(time => time > now - policy.Longest), now] : Restarts,
        SelfRestarts = isUnit ? SelfRestarts : [],
        Attempts = Attempts + 1,
        Failure = "",
        FailingSince = null,
        NotBefore = null,
        HealingSince = now,
    };

    /// <inheritdoc/>
    public bool Equals(UnitWatch? other) => other is not null && SelfRestarts.SequenceEqual(other.SelfRestarts) && Restarts.SequenceEqual(other.Restarts)
        && (InvocationId, SystemdRestarts, Attempts, Step, Failure, Left) == (other.InvocationId, other.SystemdRestarts, other.Attempts, other.Step, other.Failure, other.Left)
        && (FailingSince, HealthySince, EmptySince, NotBefore, HealingSince) == (other.FailingSince, other.HealthySince, other.EmptySince, other.NotBefore, other.HealingSince);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(InvocationId, SystemdRestarts, Attempts, Step, Failure, Restarts.Length);
}
