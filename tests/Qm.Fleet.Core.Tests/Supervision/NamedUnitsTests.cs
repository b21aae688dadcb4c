using System.Collections.Immutable;
using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Core.Supervision;
using Xunit;

namespace Qm.Fleet.Core.Tests.Supervision;

/// <summary>Units of the host that an environment names are watched, whoever restarts them.</summary>
[Trait("Requirement", "QMF-SUPER-011")]
public sealed class NamedUnitsTests
{
    private const string Brake = "brake-control.service";
    private static readonly UnitReading Running = new("loaded", "active", "running", "success", new('a', 32), 1, -1000, 0);

    [Fact]
    public void Unit_ThatFailsAndIsMended_IsToldOnceEach()
    {
        var failed = Running with { ActiveState = "failed", SubState = "failed", Result = "watchdog" };

        var told = Assert.Single(Notices(Running, failed));
        Assert.Equal(("HostUnitFailed", NoticeSeverity.Error, Brake, "brake-control.service of the host is failed (watchdog); what is outside QM is not restarted"), (told.Reason, told.Severity, told.Unit, told.Message));
        Assert.Empty(Notices(failed, failed));
        Assert.Equal("HostUnitRecovered", Assert.Single(Notices(failed, Running with { InvocationId = new('b', 32) })).Reason);
    }

    [Fact]
    public void Unit_ThatRestartedBetweenTwoLooks_IsNotCalledWell()
    {
        var told = Assert.Single(Notices(Running, Running with { InvocationId = new('b', 32), Restarts = 2 }));

        Assert.Equal(("HostUnitRestarted", "brake-control.service of the host did not stay up: systemd restarted it, 2 times since somebody started it"), (told.Reason, told.Message));
    }

    [Fact]
    public void Unit_ThatSomebodyRestarted_OrSystemdIsAt_OrNobodyRead_TellsNothing()
    {
        Assert.Empty(Notices(Running, Running with { InvocationId = new('b', 32) }));
        Assert.Empty(Notices(Running, Running with { ActiveState = "failed", SubState = "failed-before-auto-restart" }));
        Assert.Empty(Notices(null, Running));
        Assert.Empty(Notices(Running, null));
    }

    private static SupervisionNotice[] Notices(UnitReading? before, UnitReading? after) => [.. NamedUnits.Notices([Brake], Units(before), Units(after))];

    private static ImmutableSortedDictionary<string, UnitReading> Units(UnitReading? reading) =>
        reading is null ? ImmutableSortedDictionary<string, UnitReading>.Empty : ImmutableSortedDictionary<string, UnitReading>.Empty.Add(Brake, reading);
}
