using System.Collections.Immutable;
using CsCheck;
using Qm.Fleet.Core.LoadShedding;
using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Core.Resources;
using Qm.Fleet.Core.Revisions;
using Xunit;

namespace Qm.Fleet.Core.Tests.LoadShedding;

/// <summary>When load is shed, and when it is taken up again.</summary>
[Trait("Requirement", "QMF-SHED-001")]
public sealed class LoadShedderTests
{
    private static readonly DateTimeOffset Noon = new(2026, 7, 1, 12, 0, 0, TimeSpan.Zero);

    private static readonly SheddingRule Calm = new(
        "calm-maps", new SheddingTrigger.Pressure(PressureKind.Memory, 20, TimeSpan.FromSeconds(30), 5), TimeSpan.FromMinutes(1), ["maps"],
        ImmutableSortedDictionary<ResourceProperty, ResourceValue>.Empty);

    private static readonly SheddingRule Squeeze = new(
        "squeeze", new SheddingTrigger.Events("high", new(10, TimeSpan.FromMinutes(1))), TimeSpan.FromMinutes(5), [],
        ImmutableSortedDictionary<ResourceProperty, ResourceValue>.Empty.Add(ResourceProperty.CPUQuota, Value(ResourceProperty.CPUQuota, "20%")));

    [Fact]
    public void Judge_PressureThatLasts_ShedsAndIsTakenUpAgainWhenItHasBeenCalm()
    {
        var node = new Node([Calm]);
        node.At(0, 50);
        node.At(29, 21);
        Assert.Empty(node.Active);
        node.At(30, 21);
        Assert.Equal(["calm-maps"], node.Active);

        // Between the two thresholds nothing changes, and calm that is interrupted begins anew.
        node.At(60, 10);
        node.At(200, 4);
        node.At(230, 6);
        node.At(259, 4);
        node.At(318, 4);
        Assert.Equal(["calm-maps"], node.Active);
        Assert.Equal(Noon.AddSeconds(319), LoadShedder.Wake([Calm], node.States, node.Now));
        node.At(319, 4);
        Assert.Empty(node.Active);
        Assert.Equal(["LoadShed", "LoadRestored"], node.Reasons);
        Assert.Equal("calm-maps: memory pressure of QM is above 20% for 30s; frozen are maps until it has been calm for 1m", node.Notices[0].Message);
    }

    [Fact]
    public void Judge_PressureThatPasses_ShedsNothing()
    {
        var node = new Node([Calm]);
        for (var second = 0; second < 600; second += 20)
        {
            node.At(second, second % 40 == 0 ? 90 : 1);
        }

        Assert.Empty(node.Notices);
    }

    [Fact]
    public void Judge_CounterThatGrowsFast_ShedsUntilItStopsGrowing()
    {
        var node = new Node([Squeeze]);
        node.Events(0, 1000);
        node.Events(30, 1010);
        Assert.Empty(node.Active);
        node.Events(45, 1011);
        Assert.Equal(["squeeze"], node.Active);
        node.Events(100, 1012);
        node.Events(120, 1012);
        node.Events(419, 1012);
        Assert.Equal(["squeeze"], node.Active);
        node.Events(420, 1012);
        Assert.Empty(node.Active);

        // QM restarted: its counters begin anew.
        node.Events(430, 3);
        Assert.Empty(node.Active);
    }

    [Fact]
    public void Judge_NothingIsHeard_ChangesNothing()
    {
        var node = new Node([Calm]);
        node.At(0, 50);
        node.At(30, 50);
        var before = node.States;
        Assert.Same(before, LoadShedder.Judge([Calm], before, null, Noon.AddHours(1)).States);
        Assert.Empty(LoadShedder.Judge([], before, null, Noon.AddHours(1)).States);
    }

    [Fact]
    public void Overlay_AnActiveRule_ChangesLimitsAndNoFile()
    {
        var revision = new RenderedRevision("r1", new()
        {
            Resources = ImmutableSortedDictionary<ResourceProperty, ResourceValue>.Empty.Add(ResourceProperty.CPUQuota, Value(ResourceProperty.CPUQuota, "60%")),
        }, []);
        var shed = LoadShedder.Overlay(revision, [Squeeze]);
        Assert.Equal("20%", shed.Environment.Resources[ResourceProperty.CPUQuota].ToString());
        Assert.Equal(revision.Files, shed.Files);
        Assert.Same(revision, LoadShedder.Overlay(revision, [Calm]));
    }

    [Fact]
    [Trait("Requirement", "QMF-SHED-003")]
    public void Next_ARuleAndItsEnd_FreezesAndThawsOnce()
    {
        var (freeze, frozen) = LoadShedder.Next(Units(isFrozen: false), [Calm], []);
        Assert.Equal("maps.service", Assert.IsType<NodeStep.Freeze>(freeze).Unit);
        Assert.Null(LoadShedder.Next(Units(isFrozen: true), [Calm], frozen).Act);

        // The rule may be over, or gone from the fleet.
        var (thaw, still) = LoadShedder.Next(Units(isFrozen: true), [], frozen);
        Assert.Equal("maps.service", Assert.IsType<NodeStep.Thaw>(thaw).Unit);
        Assert.Equal(frozen, still);
        Assert.Equal((null, 0), LoadShedder.Next(Units(isFrozen: false), [], still) is var (act, left) ? (act, left.Count) : default);
    }

    [Fact]
    [Trait("Requirement", "QMF-SHED-003")]
    public void Next_WhatSomebodyElseFroze_IsNeverThawed()
    {
        var (act, frozen) = LoadShedder.Next(Units(isFrozen: true), [Calm], []);
        Assert.Null(act);
        Assert.Null(LoadShedder.Next(Units(isFrozen: true), [], frozen).Act);

        // Nor where it was ours once, and was seen to run since.
        var (_, ours) = LoadShedder.Next(Units(isFrozen: false), [Calm], []);
        var (_, after) = LoadShedder.Next(Units(isFrozen: false), [], ours);
        Assert.Null(LoadShedder.Next(Units(isFrozen: true), [], after).Act);
    }

    [Fact]
    [Trait("Requirement", "QMF-SHED-003")]
    public void Next_UnitThatCannotBeRead_StaysKnownToBeFrozen()
    {
        var (_, frozen) = LoadShedder.Next(Units(isFrozen: false), [Calm], []);
        Assert.Equal(frozen, LoadShedder.Next(ImmutableSortedDictionary<string, UnitReading>.Empty, [], frozen).Frozen);
    }

    // Whatever the pressure does: shed and taken up in turn, never sooner than the rule says.
    [Fact]
    public void Judge_AnyPressure_KeepsTheTimesOfTheRule() =>
        Gen.Select(Gen.Int[0, 100].Array[1, 200], Gen.Int[1, 40]).Sample((pressures, step) =>
        {
            var node = new Node([Calm]);
            DateTimeOffset? highSince = null, calmSince = null;
            for (var turn = 0; turn < pressures.Length; turn++)
            {
                var wasActive = node.Active.Any();
                var now = Noon.AddSeconds(turn * step);
                highSince = pressures[turn] > 20 ? highSince ?? now : null;
                calmSince = pressures[turn] < 5 ? calmSince ?? now : null;
                node.At(turn * step, pressures[turn]);
                if (node.Active.Any() != wasActive)
                {
                    Assert.True(wasActive ? now - calmSince >= TimeSpan.FromMinutes(1) : now - highSince >= TimeSpan.FromSeconds(30));
                    calmSince = wasActive ? calmSince : pressures[turn] < 5 ? now : null;
                }
            }

            Assert.All(node.Reasons.Select((reason, index) => (reason, index)), one => Assert.Equal(one.index % 2 == 0 ? "LoadShed" : "LoadRestored", one.reason));
        });

    private static ImmutableSortedDictionary<string, UnitReading> Units(bool isFrozen) => ImmutableSortedDictionary<string, UnitReading>.Empty
        .Add("maps.service", new("loaded", "active", "running", "success", new('a', 32), 1, null, 0) { IsFrozen = isFrozen })
        .Add("radio.service", new("loaded", "active", "running", "success", new('b', 32), 1, null, 0));

    private static ResourceValue Value(ResourceProperty property, string text) =>
        ResourceValues.TryParse(property, text, out var value, out var problem) ? value : throw new ArgumentException(problem, nameof(text));

    private sealed class Node(ImmutableArray<SheddingRule> rules)
    {
        internal ImmutableSortedDictionary<string, SheddingState> States { get; private set; } = LoadShedder.None;

        internal List<Core.Supervision.SupervisionNotice> Notices { get; } = [];

        internal IEnumerable<string> Reasons => Notices.Select(notice => notice.Reason);

        internal IEnumerable<string> Active => LoadShedder.Active(rules, States).Select(rule => rule.Name);

        internal DateTimeOffset Now { get; private set; } = Noon;

        internal void At(int second, double memory) => Judge(second, new(ImmutableSortedDictionary<PressureKind, double>.Empty.Add(PressureKind.Memory, memory), ImmutableSortedDictionary<string, long>.Empty));

        internal void Events(int second, long high) => Judge(second, new(ImmutableSortedDictionary<PressureKind, double>.Empty, ImmutableSortedDictionary<string, long>.Empty.Add("high", high)));

        private void Judge(int second, PressureSample sample)
        {
            Now = Noon.AddSeconds(second);
            var verdict = LoadShedder.Judge(rules, States, sample, Now);
            States = verdict.States;
            Notices.AddRange(verdict.Notices);
        }
    }
}
