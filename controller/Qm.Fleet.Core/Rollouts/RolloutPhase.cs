namespace Qm.Fleet.Core.Rollouts;

/// <summary>How far a rollout is. Numbers are stored and on the wire.</summary>
public enum RolloutPhase
{
    /// <summary>Nodes are moving.</summary>
    Progressing = 1,

    /// <summary>No further node moves until somebody decides.</summary>
    Paused = 2,

    /// <summary>Every node is done, or failed within what the success threshold allows.</summary>
    Succeeded = 3,

    /// <summary>A newer apply took its place.</summary>
    Superseded = 4,

    /// <summary>Nodes go back.</summary>
    RollingBack = 5,

    /// <summary>Every node that had to go back has done so, or cannot.</summary>
    RolledBack = 6,

    /// <summary>Somebody ended it; nodes stay where they are.</summary>
    Aborted = 7,
}

/// <summary>Where a node stands on its way. Numbers are stored and on the wire.</summary>
public enum MemberState
{
    /// <summary>Not begun; it has what it had before.</summary>
    Waiting = 1,

    /// <summary>On its way to the new revision; counts as down.</summary>
    Moving = 2,

    /// <summary>Has the new revision, and must stay healthy for a while.</summary>
    Soaking = 3,

    /// <summary>Has the new revision, and stayed healthy.</summary>
    Done = 4,

    /// <summary>Shall go back as soon as the budget has room.</summary>
    Leaving = 5,

    /// <summary>On its way back; counts as down.</summary>
    Returning = 6,

    /// <summary>Has again what it had before.</summary>
    Returned = 7,

    /// <summary>Cannot go back, or has nothing to go back to.</summary>
    Stuck = 8,
}
