using System.Collections.Immutable;
using Qm.Fleet.Controller.Reconcile;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Revisions;
using Qm.Fleet.Core.Rollouts;
using Qm.Fleet.Core.Selectors;

namespace Qm.Fleet.Controller.Tests.Reconcile;

public sealed class RolloutEventsTests
{
    [Theory]
    [Trait("Requirement", "QMF-RETIRE-003")]
    [InlineData("ecu1", "", "RetirementFailed ecu1: what QM Fleet brought cannot be taken off it: ecu1 failed: its disk is read-only.")]
    [InlineData(null, "cockpit", "RolloutPaused : rollout cockpit/1 to removed: 0 of 0 nodes ready; ecu1 failed: its disk is read-only")]
    public void Of_RemovalThatFailed_IsToldAsWhatPeopleAskedFor(string? leaving, string fleet, string expected)
    {
        var state = new RolloutState("", Removal.Revision, RolloutPhase.Paused) { Reason = "ecu1 failed: its disk is read-only" };
        DesiredFleet desired = new(
            leaving is null ? "cockpit" : $"retire@{leaving}", "uid", LabelSelector.Everything, Removal.Revision, RolloutPolicy.Default, null, new Dictionary<string, FleetEnvironment>(),
            ImmutableDictionary<string, string>.Empty)
        {
            Leaving = leaving,
        };
        RolloutNotice[] notices = [new("BatchStarted", "", "batch 1 of 1: ecu1"), new("RolloutPaused", "", state.Reason, IsBad: true)];

        var told = RolloutEvents.Of(
            desired, new(desired.Name, 1, 1, state, DateTimeOffset.UnixEpoch, null, ""),
            new(state, ImmutableSortedDictionary<string, RolloutHold>.Empty, [.. notices], state.Reason, null)).ToList();

        // That it begins and that it is done is told by who asked for it.
        Assert.Equal(leaving is null ? 2 : 1, told.Count);
        Assert.StartsWith(expected, $"{told[^1].Reason} {told[^1].Node}: {told[^1].Message}", StringComparison.Ordinal);
        Assert.Equal((EventSeverity.Error, fleet), (told[^1].Severity, told[^1].Fleet));
    }
}
