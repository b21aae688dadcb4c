using Qm.Fleet.Core.Reconcile;
using Xunit;

namespace Qm.Fleet.Core.Tests.Reconcile;

[Trait("Requirement", "QMF-RULE-5")]
[Trait("Requirement", "QMF-OOM-003")]
public sealed class OomOrderTests
{
    private static readonly OomEvidence Good = new(0, 500, 1204, 750, [new("radio.service", 2210, 750)], [new("brake.service", 80, -1000)])
    {
        Processes = [new("dbus.service", 1210, 500, 1, ""), new("init.scope", 1300, 0, 1, "started by podman exec")],
        Sources = [new("radio.service", "/etc/qm/containers/systemd/radio.container", 400)],
    };

    [Fact]
    public void Find_WhatIsInOrder_IsNothing() => Assert.Empty(OomOrder.Find(Good));

    [Fact]
    public void Find_AContainerBelowQm_NamesTheProcessAndTheFile() => Assert.Equal(
        "radio.service (pid 2210) has oom_score_adj 400, and a container inside QM has to be above QM, which has 500; set by /etc/qm/containers/systemd/radio.container",
        Assert.Single(OomOrder.Find(Good with { Nested = [new("radio.service", 2210, 400)] })).Message);

    [Fact]
    public void Find_AScoreThatNoFileSets_SaysSo()
    {
        Assert.Contains("set at runtime or before the last change, for /etc/qm/containers/systemd/radio.container says 400", Assert.Single(OomOrder.Find(Good with { Nested = [new("radio.service", 2210, 10)] })).Message, StringComparison.Ordinal);
        Assert.Contains("no file sets it", Assert.Single(OomOrder.Find(Good with { Asil = [new("brake.service", 80, 0)] })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Find_QmNotAboveTheHost_IsQmAndNothingOfItsProcesses()
    {
        var wrong = OomOrder.Find(Good with { Qm = 0, Processes = [new("dbus.service", 1210, 0, 1, "")] }).ToArray();
        Assert.Equal("qm.service", Assert.Single(wrong).Subject);
    }

    // A QM that makes up containers without end is told of once, and hides nothing that is outside of it.
    [Fact]
    [Trait("Requirement", "QMF-LIMIT-005")]
    public void Follow_InversionsWithoutEnd_AreBoundedAndStayAsTheyWereTold()
    {
        var first = OomOrder.Follow(default, Good with { Nested = Made(0, 1000) });
        var second = OomOrder.Follow(first, Good with { Nested = [.. Made(500, 1000), .. Made(0, 500)], Asil = [new("brake.service", 80, 0)] });

        Assert.Equal(OomOrder.MostTold, first.Length);
        Assert.Equal("brake.service", second[0].Unit);
        Assert.Equal(first.Select(static inversion => inversion.Subject).Order(), second.Skip(1).Select(static inversion => inversion.Subject).Order());
        Assert.Equal(OomOrder.MostTold, OomOrder.Follow(second, Good with { Nested = Made(5000, 1000) }).Length);

        static UnitScore[] Made(int from, int count) => [.. Enumerable.Range(from, count).Select(static number => new UnitScore($"made{number}.service", number, 0))];
    }

    [Fact]
    public void Follow_WhatCannotBeSeenNow_StaysWrongUntilItIsSeenInOrder()
    {
        var wrong = OomOrder.Follow(default, Good with { Nested = [new("radio.service", 2210, 400)] });
        Assert.Equal(wrong, OomOrder.Follow(wrong, null));
        Assert.Equal(wrong, OomOrder.Follow(wrong, Good with { Qm = null, Nested = [], Processes = [] }));
        Assert.Empty(OomOrder.Follow(wrong, Good));
    }
}
