using Qm.Fleet.Core.Reconcile;

namespace Qm.Fleet.Core.Supervision;

/// <summary>Tells what units outside QM do that an environment names. They are watched and never healed: what is outside QM is not ours to restart.</summary>
public static class NamedUnits
{
    /// <summary>What changed between two looks; a unit that was not read at both tells nothing.</summary>
    /// <param name="names">The units, such as brake-control.service.</param>
    /// <param name="before">Units of the host at the last look.</param>
    /// <param name="after">Units of the host now.</param>
    public static IEnumerable<SupervisionNotice> Notices(
        IEnumerable<string> names, IReadOnlyDictionary<string, UnitReading> before, IReadOnlyDictionary<string, UnitReading> after)
    {
        foreach (var name in names)
        {
            if (before.GetValueOrDefault(name) is not { } was || after.GetValueOrDefault(name) is not { } unit)
            {
                continue;
            }

            if (HasFailed(unit) && !HasFailed(was))
            {
                yield return new("HostUnitFailed", NoticeSeverity.Error, name, $"{name} of the host is {unit.ActiveState} ({unit.Result}); what is outside QM is not restarted");
            }
            else if (!HasFailed(unit) && HasFailed(was) && unit.ActiveState == "active")
            {
                yield return new("HostUnitRecovered", NoticeSeverity.Info, name, $"{name} of the host runs again");
            }
            else if (unit.InvocationId != was.InvocationId && unit.Restarts > was.Restarts)
            {
                // Active at both looks, and not up all the time between them.
                yield return new("HostUnitRestarted", NoticeSeverity.Warning, name, FormattableString.Invariant($"{name} of the host did not stay up: systemd restarted it, {unit.Restarts} times since somebody started it"));
            }
        }
    }

    // What systemd is about to restart passes through failed.
    private static bool HasFailed(UnitReading unit) => unit.ActiveState == "failed" && !unit.IsMoving;
}
