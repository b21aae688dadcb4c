using System.Collections.Immutable;
using Microsoft.Extensions.Time.Testing;
using Qm.Fleet.Controller.Reconcile;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Revisions;
using Qm.Fleet.Core.Rollouts;
using Qm.Fleet.Core.Selectors;

namespace Qm.Fleet.Controller.Tests.Reconcile;

public sealed class RolloutKeeperTests
{
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));

    [Fact, Trait("Requirement", "QMF-RETIRE-003")]
    public void Beside_FleetAndNodesThatLeaveIt_ShareABudgetAndNobodyElseDoes()
    {
        // Nothing was looked at yet: what is known is what was decided.
        RolloutKeeper keeper = new(new RolloutNodes(new LiveNodes(new ChangeFeed()), null!, null!, _time), Decisions.Cores, _time);
        var (home, other) = (Fleet("cockpit"), Fleet("trunk"));
        var (first, second, stray) = (Fleet("retire@ecu1", "ecu1", "cockpit"), Fleet("retire@ecu2", "ecu2", "cockpit"), Fleet("retire@ecu9", "ecu9", ""));
        Decide(keeper, home, ("ecu3", MemberState.Moving), ("ecu4", MemberState.Waiting));
        Decide(keeper, other, ("ecu5", MemberState.Moving));
        Decide(keeper, first, ("ecu1", MemberState.Moving));
        Decide(keeper, second, ("ecu2", MemberState.Waiting));
        Decide(keeper, stray, ("ecu9", MemberState.Moving));

        Assert.Equal("ecu1 down, ecu2", Beside(keeper, home));
        Assert.Equal("ecu2, ecu3 down, ecu4", Beside(keeper, first));
        Assert.Equal("", Beside(keeper, other));
        Assert.Equal("", Beside(keeper, stray));
    }

    private static string Beside(RolloutKeeper keeper, DesiredFleet fleet) =>
        string.Join(", ", keeper.Beside(fleet).OrderBy(static node => node.Key, StringComparer.Ordinal).Select(static node => $"{node.Key}{(node.Value.GoesDown ? " down" : "")}"));

    private void Decide(RolloutKeeper keeper, DesiredFleet fleet, params (string Node, MemberState State)[] members) => keeper.Publish(fleet, new(
        new RolloutState("", Removal.Revision, RolloutPhase.Progressing)
        {
            Members = members.ToImmutableSortedDictionary(static member => member.Node, member => new RolloutMember(member.State, _time.GetUtcNow(), ""), StringComparer.Ordinal),
        },
        ImmutableSortedDictionary.Create<string, RolloutHold>(StringComparer.Ordinal), [], "", null));

    private static DesiredFleet Fleet(string name, string? leaving = null, string home = "") => new(
        name, $"uid-{name}", LabelSelector.Everything, Removal.Revision, RolloutPolicy.Default, null, new Dictionary<string, FleetEnvironment>(), ImmutableDictionary<string, string>.Empty)
    {
        Leaving = leaving,
        Home = home,
    };
}
