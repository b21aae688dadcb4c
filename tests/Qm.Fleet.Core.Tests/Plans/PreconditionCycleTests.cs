using Qm.Fleet.Core.Plans;
using Qm.Fleet.Core.Rollouts;
using Xunit;

namespace Qm.Fleet.Core.Tests.Plans;

[Trait("Requirement", "QMF-ROLL-001")]
public sealed class PreconditionCycleTests
{
    [Fact]
    public void Of_FleetThatWaitsForQmOfANodeItMoves_IsRefused() => Assert.Equal(
        "QMF-W014 qm.service of ecu2 has to be active before a node of cockpit moves, and cockpit is what moves ecu2: once its QM is down, no rollout could ever bring it up; ask for another unit",
        $"{Assert.Single(Find("cockpit", ("cockpit", ["ecu1", "ecu2"], [new("ecu2", "qm.service", "active")])))}");

    [Fact]
    public void Of_FleetThatWaitsForItsOwnQm_IsRefused()
    {
        var finding = Assert.Single(Find("cockpit", ("cockpit", ["ecu1"], [new("", "vehicle-parked.target", "active"), new("", "qm.service", "active")])));

        Assert.Equal((Severity.Error, "spec.rollout.preconditions[1]"), (finding.Severity, finding.Path));
        Assert.Contains("cockpit is what moves the node itself", finding.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Of_CircleOfThree_TellsTheWay()
    {
        (string, string[], Precondition[])[] fleets =
        [
            ("cockpit", ["ecu1"], [new("ecu2", "qm.service", "active")]),
            ("rear", ["ecu2"], [new("ecu3", "qm.service", "active")]),
            ("roof", ["ecu3"], [new("ecu1", "qm.service", "active")]),
        ];

        Assert.Equal(
            "qm.service of ecu2 has to be active before a node of cockpit moves, and rear moves ecu2, rear waits for qm.service of ecu3, roof moves ecu3, roof waits for qm.service of ecu1, "
            + "which cockpit moves: once both are down, neither could ever be brought up; take one of the preconditions away",
            Assert.Single(Find("cockpit", fleets)).Message);
        Assert.Single(Find("roof", fleets));
    }

    [Theory]
    [InlineData("ecu9", "qm.service", "active")]
    [InlineData("ecu1", "vehicle-parked.target", "active")]
    [InlineData("ecu1", "qm.service", "inactive")]
    [InlineData("ecu2", "qm.service", "active")]
    public void Of_WaysThatEnd_AreNoCircle(string node, string unit, string state) => Assert.Empty(Find(
        "cockpit", ("cockpit", ["ecu1"], [new(node, unit, state)]), ("rear", ["ecu2"], [new("ecu3", "qm.service", "active")]), ("roof", ["ecu3"], [])));

    private static IEnumerable<Finding> Find(string fleet, params (string Name, string[] Nodes, Precondition[] Preconditions)[] fleets) => PreconditionCycles.Of(fleet, fleets.ToDictionary(
        one => one.Name, one => new FleetNodes(RolloutPolicy.Default with { Preconditions = [.. one.Preconditions] }, [.. one.Nodes]), StringComparer.Ordinal));
}
