namespace Qm.Fleet.Simulation.Mutations;

/// <summary>Bugs planted to see that they are found out.</summary>
internal enum Bug
{
    /// <summary>None: the product as it is.</summary>
    None = 0,

    /// <summary>One node more is taken down than the budget allows.</summary>
    BudgetOffByOne = 1,

    /// <summary>Nodes that are away do not count as down.</summary>
    OfflineNotCounted = 2,

    /// <summary>A controller that starts restarts QM where a rollout has been, needed or not.</summary>
    DoubleRestart = 3,

    /// <summary>A restart whose end nobody told is done again, without a look.</summary>
    LateJobRepeated = 4,

    /// <summary>What BlueChi makes up when it loses a node is taken for a QM that died.</summary>
    VirtualEventHeals = 5,

    /// <summary>It is forgotten where a revision failed.</summary>
    KnownBadRetried = 6,

    /// <summary>A revision that is in place counts as confirmed.</summary>
    ConfirmationIgnored = 7,

    /// <summary>Windows are read by the clock of winter.</summary>
    WindowByWinterTime = 8,

    /// <summary>A controller goes on with the rollout that a newer apply has taken the place of.</summary>
    SupersededGoesOn = 9,

    /// <summary>What the controller decided is written over what people decided meanwhile.</summary>
    ConflictLost = 10,

    /// <summary>Windows and preconditions are asked for when a node gets its turn, and not again when it is touched.</summary>
    NotAskedAgain = 11,

    /// <summary>A controller that starts does not know what was done about failures before.</summary>
    HealingForgotten = 12,

    /// <summary>Nodes are healed one by one, whatever ails the others.</summary>
    CommonCauseIgnored = 13,

    /// <summary>A unit that systemd restarted once is held not to stay up.</summary>
    OneRestartIsTooMany = 14,

    /// <summary>QM is restarted for what fails in it, whatever else is down and whether the vehicle is parked or not.</summary>
    DisruptionNotAsked = 15,
}
