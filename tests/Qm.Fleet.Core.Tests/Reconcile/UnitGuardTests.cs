using Qm.Fleet.Core.Reconcile;
using Xunit;

namespace Qm.Fleet.Core.Tests.Reconcile;

[Trait("Requirement", "QMF-RULE-6")]
public sealed class UnitGuardTests
{
    public static TheoryData<UnitVerb> Verbs => [.. Enum.GetValues<UnitVerb>()];

    [Theory, MemberData(nameof(Verbs))]
    public void Refusal_OfAUnitOutsideQm_IsThereForEveryVerb(UnitVerb verb)
    {
        Assert.Contains("rule 6", UnitGuard.Refusal("ecu1", "brake-control.service", verb), StringComparison.Ordinal);
        Assert.Contains("rule 6", UnitGuard.Refusal("ecu1", "bluechi-agent.service", verb), StringComparison.Ordinal);
        Assert.Contains("all units", UnitGuard.Refusal("ecu1", "", verb), StringComparison.Ordinal);
        // "qm." alone is no QM of anybody.
        Assert.NotNull(UnitGuard.Refusal("qm.", "radio.service", verb));
    }

    [Theory, MemberData(nameof(Verbs))]
    public void Refusal_OfQmAsAWhole_LeavesStartRestartAndLimits(UnitVerb verb) =>
        Assert.Equal(verb is UnitVerb.Start or UnitVerb.Restart or UnitVerb.SetProperties or UnitVerb.ResetFailed, UnitGuard.Refusal("ecu1", "qm.service", verb) is null);

    [Theory, MemberData(nameof(Verbs))]
    [Trait("Requirement", "QMF-ASIL-001")]
    public void Refusal_OfAListedUnit_LeavesWhatPeopleAskOfUnitsAndNothingElse(UnitVerb verb)
    {
        var isAskedOfUnits = verb is UnitVerb.Start or UnitVerb.Stop or UnitVerb.Restart or UnitVerb.Freeze or UnitVerb.Thaw or UnitVerb.SetProperties;

        Assert.Equal(isAskedOfUnits, UnitGuard.Refusal("ecu1", "heater.service", verb, isListed: true) is null);
        Assert.NotNull(UnitGuard.Refusal("ecu1", "", verb, isListed: true));
        // Listing takes nothing from the guard of QM itself.
        Assert.Equal(UnitGuard.Refusal("ecu1", "qm.service", verb), UnitGuard.Refusal("ecu1", "qm.service", verb, isListed: true));
        Assert.Equal(UnitGuard.Refusal("qm.ecu1", "bluechi-agent.service", verb), UnitGuard.Refusal("qm.ecu1", "bluechi-agent.service", verb, isListed: true));
    }

    [Theory, MemberData(nameof(Verbs))]
    public void Refusal_InsideQm_KeepsTheLinkAndNothingElse(UnitVerb verb)
    {
        Assert.Null(UnitGuard.Refusal("qm.ecu1", "radio.service", verb));
        Assert.Equal(verb is UnitVerb.Stop or UnitVerb.Freeze or UnitVerb.Kill, UnitGuard.Refusal("qm.ecu1", "bluechi-agent.service", verb) is not null);
    }
}
