using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Core.Supervision;
using Xunit;

namespace Qm.Fleet.Core.Tests.Supervision;

/// <summary>Three signals, one finding.</summary>
[Trait("Requirement", "QMF-SUPER-007")]
public sealed class NodePhasesTests
{
    private static readonly DateTimeOffset Noon = new(2026, 7, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly TimeSpan Pending = TimeSpan.FromSeconds(5);
    private static readonly NodeSignals Well = new("ecu1", Presence.Online, Presence.Online, true, SupervisedNode.Running("qm0"), "");

    /// <summary>What is so, and what is found.</summary>
    public static TheoryData<string, NodePhase> Findings => new()
    {
        { "well", NodePhase.Healthy },
        { "cable cut", NodePhase.Unreachable },
        { "agent frozen, dropped", NodePhase.AgentLost },
        { "agent frozen, not noticed", NodePhase.AgentLost },
        { "QM dead", NodePhase.QmDown },
        { "QM not registered", NodePhase.QmUnregistered },
        { "extension dead", NodePhase.ExtensionLost },
        { "BlueChi dead", NodePhase.BlueChiLost },
        { "BlueChi and extension dead", NodePhase.BlueChiLost },
        { "workload fails", NodePhase.Degraded },
    };

    [Theory, MemberData(nameof(Findings))]
    public void Judge_WhatIsSo_IsFoundForWhatItIs(string situation, NodePhase found)
    {
        var signals = situation switch
        {
            "cable cut" => Well with { Host = Presence.Offline, Qm = Presence.Offline, HasExtension = false, Unit = null },
            "agent frozen, dropped" => Well with { Host = Presence.Offline, Qm = Presence.Online, Unit = null },
            "agent frozen, not noticed" => Well with { Unit = null },
            "QM dead" => Well with { Qm = Presence.Offline, Unit = SupervisedNode.Down() },
            "QM not registered" => Well with { Qm = Presence.Offline },
            "extension dead" => Well with { HasExtension = false },
            "BlueChi dead" => Well with { Host = Presence.Unknown, Qm = Presence.Unknown, Unit = null },
            "BlueChi and extension dead" => Well with { Host = Presence.Unknown, Qm = Presence.Unknown, Unit = null, HasExtension = false },
            "workload fails" => Well with { Failing = "radio.service is failed (exit-code)" },
            _ => Well,
        };
        var state = NodePhases.Judge(signals, null, Pending, Noon);
        Assert.Equal((found, Noon), (state.Current.Phase, state.Current.Since));
        Assert.NotEmpty(state.Current.Reason);
    }

    [Fact]
    public void Judge_AnotherFinding_IsPendingUntilItHasLasted()
    {
        var state = NodePhases.Judge(Well, null, Pending, Noon);
        var cut = Well with { Host = Presence.Offline, HasExtension = false, Unit = null };
        state = NodePhases.Judge(cut, state, Pending, Noon.AddSeconds(1));
        Assert.Equal((NodePhase.Healthy, NodePhase.Unreachable, Noon.AddSeconds(6)), (state.Current.Phase, state.Pending?.Phase, state.Until(Pending)));
        Assert.Same(state, NodePhases.Judge(cut, state, Pending, Noon.AddSeconds(5)));

        state = NodePhases.Judge(cut, state, Pending, Noon.AddSeconds(6));
        // It is so since it was first found, not since it was believed.
        Assert.Equal((NodePhase.Unreachable, Noon.AddSeconds(1)), (state.Current.Phase, state.Current.Since));
        Assert.Null(state.Pending);
    }

    [Fact]
    public void Judge_OneBadThingAfterTheOther_IsNotCalledHealthyForLong()
    {
        var state = NodePhases.Judge(Well, null, Pending, Noon);
        for (var second = 1; second < 7; second++)
        {
            var crashing = second % 2 == 0 ? Well with { Qm = Presence.Offline } : Well with { Qm = Presence.Offline, Unit = SupervisedNode.Down() };
            state = NodePhases.Judge(crashing, state, Pending, Noon.AddSeconds(second));
            Assert.Equal(second < 6 ? NodePhase.Healthy : NodePhase.QmUnregistered, state.Current.Phase);
            Assert.Equal(second < 6 ? Noon.AddSeconds(6) : null, state.Until(Pending));
        }
    }

    [Fact]
    public void Judge_ItFlickers_StaysAsItIs()
    {
        var state = NodePhases.Judge(Well, null, Pending, Noon);
        for (var second = 1; second < 60; second += 4)
        {
            state = NodePhases.Judge(Well with { Qm = Presence.Offline }, state, Pending, Noon.AddSeconds(second));
            state = NodePhases.Judge(Well, state, Pending, Noon.AddSeconds(second + 3));
            Assert.Equal(NodePhase.Healthy, state.Current.Phase);
        }

        Assert.Null(state.Pending);
        Assert.Equal(Noon, state.Current.Since);
    }
}
