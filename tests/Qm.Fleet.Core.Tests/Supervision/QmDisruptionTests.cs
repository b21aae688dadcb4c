using System.Collections.Immutable;
using Qm.Fleet.Core.Rollouts;
using Qm.Fleet.Core.Supervision;
using Xunit;

namespace Qm.Fleet.Core.Tests.Supervision;

/// <summary>What keeps QM that serves from being taken down to heal what fails in it.</summary>
public sealed class QmDisruptionTests
{
    private static readonly DateTimeOffset Noon = new(2026, 7, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly RolloutPolicy OneByOne = RolloutPolicy.Default with { MaxUnavailable = new(1, false) };
    private static readonly UnmetPrecondition Drives = new("vehicle-parked.target of ecu1 is inactive, and has to be active", Never: false);

    [Fact, Trait("Requirement", "QMF-SUPER-009")]
    public void Hold_TheOthersServe_MayBeRestarted() =>
        Assert.Null(QmDisruption.Hold("ecu1", Nodes(Availability.Serving, Availability.Serving), None, OneByOne, null));

    [Theory, Trait("Requirement", "QMF-SUPER-009")]
    [InlineData(Availability.Unheard)]
    [InlineData(Availability.Away)]
    [InlineData(Availability.Down)]
    [InlineData(Availability.Unregistered)]
    public void Hold_AnotherIsDownForAnyReason_WaitsForIt(Availability other)
    {
        var hold = QmDisruption.Hold("ecu1", Nodes(Availability.Serving, other), None, OneByOne, null);

        Assert.Equal(("Budget", "1 of the 2 nodes of the fleet are down (ecu2), and maxUnavailable 1 allows 1"), (hold?.For, hold?.Reason));
        Assert.Null(QmDisruption.Hold("ecu1", Nodes(Availability.Serving, other), None, OneByOne with { MaxUnavailable = new(2, false) }, null));
    }

    [Theory, Trait("Requirement", "QMF-SUPER-009")]
    [InlineData(Availability.Down)]
    [InlineData(Availability.Away)]
    public void Hold_ItDoesNotRunItself_LosesNothingAndWaitsForNothing(Availability own) =>
        Assert.Null(QmDisruption.Hold("ecu1", Nodes(own, Availability.Down, Availability.Away), None, OneByOne, Drives));

    // As all are when BlueChi starts: it has its place, and what it runs to lose.
    [Fact, Trait("Requirement", "QMF-SUPER-009")]
    public void Hold_ItRunsUnheard_GoesOnlyWhereTheOthersLeaveRoom()
    {
        Assert.Null(QmDisruption.Hold("ecu1", Nodes(Availability.Unregistered, Availability.Serving), None, OneByOne, null));
        Assert.Equal("Budget", QmDisruption.Hold("ecu1", Nodes(Availability.Unregistered, Availability.Down), None, OneByOne, null)?.For);
        Assert.Equal("Precondition", QmDisruption.Hold("ecu1", Nodes(Availability.Unregistered, Availability.Serving), None, OneByOne, Drives)?.For);
    }

    [Fact, Trait("Requirement", "QMF-SUPER-009")]
    public void Hold_AnotherIsOnItsWayOrAboutToGoDown_WaitsForIt()
    {
        var nodes = Nodes(Availability.Serving, Availability.Serving);

        Assert.Equal("Budget", QmDisruption.Hold("ecu1", nodes, None.Add("ecu2", new(MemberState.Moving, Noon, "")), OneByOne, null)?.For);
        Assert.Equal("Budget", QmDisruption.Hold("ecu1", nodes.SetItem("ecu2", nodes["ecu2"] with { GoesDown = true }), None, OneByOne, null)?.For);
    }

    [Fact, Trait("Requirement", "QMF-SUPER-009")]
    public void Hold_BudgetPerVehicle_OtherVehiclesDoNotCount()
    {
        var nodes = Nodes(Availability.Serving, Availability.Down);
        var policy = OneByOne with { BudgetPer = "vehicle" };

        Assert.Equal("1 of the 2 nodes of vehicle=one are down (ecu2), and maxUnavailable 1 allows 1", QmDisruption.Hold("ecu1", In("one", "one"), None, policy, null)?.Reason);
        Assert.Null(QmDisruption.Hold("ecu1", In("one", "two"), None, policy, null));

        ImmutableDictionary<string, RolloutNode> In(string first, string second) => nodes
            .SetItem("ecu1", nodes["ecu1"] with { Labels = new Dictionary<string, string> { ["vehicle"] = first } })
            .SetItem("ecu2", nodes["ecu2"] with { Labels = new Dictionary<string, string> { ["vehicle"] = second } });
    }

    [Fact, Trait("Requirement", "QMF-SUPER-009")]
    public void Hold_APreconditionDoesNotHold_SaysWhich()
    {
        var hold = QmDisruption.Hold("ecu1", Nodes(Availability.Serving, Availability.Serving), None, OneByOne, Drives);

        Assert.Equal(("Precondition", Drives.Reason), (hold?.For, hold?.Reason));
    }

    private static ImmutableSortedDictionary<string, RolloutMember> None => ImmutableSortedDictionary<string, RolloutMember>.Empty;

    private static ImmutableDictionary<string, RolloutNode> Nodes(params Availability[] availabilities) => availabilities.Index().ToImmutableDictionary(
        static node => $"ecu{node.Index + 1}", static node => new RolloutNode { Labels = new Dictionary<string, string>(), Availability = node.Item });
}
