namespace Qm.Fleet.BlueChi.Jobs;

/// <summary>What a job does.</summary>
public enum JobType
{
    /// <summary>Starts a unit that does not run.</summary>
    Start = 1,

    /// <summary>Stops it.</summary>
    Stop = 2,

    /// <summary>Stops it if it runs, and starts it.</summary>
    Restart = 3,

    /// <summary>Has it read its configuration again.</summary>
    Reload = 4,
}

/// <summary>What happens to other jobs of systemd's queue (systemctl(1), <c>--job-mode=</c>).</summary>
public enum JobMode
{
    /// <summary>Conflicting jobs are replaced.</summary>
    Replace = 0,

    /// <summary>Conflicting jobs make this one fail.</summary>
    Fail = 1,

    /// <summary>Every other unit is stopped.</summary>
    Isolate = 2,

    /// <summary>Dependencies are ignored.</summary>
    IgnoreDependencies = 3,

    /// <summary>Requirements are ignored, order is kept.</summary>
    IgnoreRequirements = 4,
}

/// <summary>Where a job is, while it is.</summary>
public enum JobState
{
    /// <summary>BlueChi does not know it any more.</summary>
    Gone = 0,

    /// <summary>In systemd's queue.</summary>
    Waiting = 1,

    /// <summary>Under way.</summary>
    Running = 2,
}

/// <summary>A job that was accepted.</summary>
public interface IUnitJob
{
    /// <summary>BlueChi's number, until it restarts.</summary>
    uint Id { get; }

    /// <summary>What it does.</summary>
    JobType Type { get; }

    /// <summary>BlueChi's node name.</summary>
    string Node { get; }

    /// <summary>Full unit name.</summary>
    string Unit { get; }

    /// <summary>Completes with the end; never fails.</summary>
    Task<JobOutcome> Outcome { get; }

    /// <summary>Where it is.</summary>
    Task<JobState> GetStateAsync(CancellationToken ct);

    /// <summary>Asks systemd to cancel it; the answer is the <see cref="Outcome"/>, and may still be that it was done.</summary>
    Task CancelAsync(CancellationToken ct);
}
