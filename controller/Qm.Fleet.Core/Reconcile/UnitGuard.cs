using Qm.Fleet.Core.Revisions;

namespace Qm.Fleet.Core.Reconcile;

/// <summary>What can be done to a unit; words are systemd's.</summary>
public enum UnitVerb
{
    /// <summary>StartUnit, and StartTransientUnit.</summary>
    Start = 1,

    /// <summary>StopUnit.</summary>
    Stop = 2,

    /// <summary>RestartUnit.</summary>
    Restart = 3,

    /// <summary>ReloadUnit.</summary>
    Reload = 4,

    /// <summary>FreezeUnit.</summary>
    Freeze = 5,

    /// <summary>ThawUnit.</summary>
    Thaw = 6,

    /// <summary>KillUnit.</summary>
    Kill = 7,

    /// <summary>SetUnitProperties.</summary>
    SetProperties = 8,

    /// <summary>ResetFailedUnit.</summary>
    ResetFailed = 9,

    /// <summary>EnableUnitFiles, DisableUnitFiles and SetDefaultTarget.</summary>
    ChangeFiles = 10,
}

/// <summary>Rule 6: what is not QM is never started, stopped, frozen or changed. Whatever the controller does to a unit is asked for here first.</summary>
public static class UnitGuard
{
    /// <summary>Why a unit must not be touched; null when it may be.</summary>
    /// <param name="bluechiNode">BlueChi's node name: the host, or <c>qm.</c> and the host.</param>
    /// <param name="unit">Full unit name; empty for every unit of the node.</param>
    /// <param name="verb">What is to be done to it.</param>
    /// <param name="isListed">Whether an administrator listed the unit of the host (<see cref="HostUnit"/>), and a person asks for it.</param>
    public static string? Refusal(string bluechiNode, string unit, UnitVerb verb, bool isListed = false)
    {
        var host = QmNode.HostOf(bluechiNode, out var isQm);
        return (isQm, unit, verb) switch
        {
            // Its end would be the end of the link that could start it again.
            (true, QmNode.AgentUnit, UnitVerb.Stop or UnitVerb.Freeze or UnitVerb.Kill) => $"{verb} of {unit} in QM of {host} would cut QM off from BlueChi, and nothing could bring it back but a restart of QM",
            (true, _, _) => null,
            (false, QmNode.Unit, UnitVerb.Start or UnitVerb.Restart or UnitVerb.SetProperties or UnitVerb.ResetFailed) => null,
            (false, QmNode.Unit, _) => $"{verb} of {QmNode.Unit} on {host}: QM as a whole is started, restarted and limited, and nothing else",
            // Of a listed unit what it is stays as it is, and nothing is done to its processes behind systemd's back.
            _ when isListed && unit.Length > 0 && verb is UnitVerb.Start or UnitVerb.Stop or UnitVerb.Restart or UnitVerb.Freeze or UnitVerb.Thaw or UnitVerb.SetProperties => null,
            _ => $"{verb} of {(unit.Length == 0 ? "all units" : unit)} on {host}: it is outside QM, and units outside QM are never touched (rule 6) unless an administrator lists them by name",
        };
    }
}
