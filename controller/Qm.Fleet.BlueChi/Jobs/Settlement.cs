namespace Qm.Fleet.BlueChi.Jobs;

/// <summary>What the state of a unit tells of a job whose end nobody told.</summary>
public enum Settlement
{
    /// <summary>The end was told.</summary>
    NotNeeded = 0,

    /// <summary>The state could not be read, or tells nothing of such a job.</summary>
    CannotTell = 1,

    /// <summary>The unit is as the job leaves it.</summary>
    CarriedOut = 2,

    /// <summary>It was tried, and the unit failed.</summary>
    TriedAndFailed = 3,

    /// <summary>The unit is on its way.</summary>
    UnderWay = 4,

    /// <summary>Nothing of it is to be seen; the command may still lie in a socket and be carried out later.</summary>
    NotSeen = 5,
}

/// <summary>Judges a job by the unit's state before and after it.</summary>
public static class Settlements
{
    /// <summary>What became of a job.</summary>
    /// <param name="type">What was asked for.</param>
    /// <param name="before">The unit before the job was sent.</param>
    /// <param name="after">The unit afterwards; null when it could not be read.</param>
    public static Settlement Judge(JobType type, UnitState before, UnitState? after)
    {
        if (after is null || type == JobType.Reload)
        {
            return Settlement.CannotTell;
        }

        var begun = after.InvocationId != before.InvocationId;
        return after.ActiveState switch
        {
            _ when after.JobId != 0 => Settlement.UnderWay,
            "activating" or "deactivating" or "reloading" => Settlement.UnderWay,
            "active" when type == JobType.Start || (type == JobType.Restart && begun) => Settlement.CarriedOut,
            "failed" when type != JobType.Stop && begun => Settlement.TriedAndFailed,
            // A stop whose processes had to be killed leaves the unit failed, and stopped.
            "failed" or "inactive" when type == JobType.Stop => Settlement.CarriedOut,
            // A oneshot has come and gone.
            "inactive" when begun => Settlement.CarriedOut,
            _ => Settlement.NotSeen,
        };
    }
}
