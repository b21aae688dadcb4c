using CsCheck;
using Qm.Fleet.Core.Plans;
using Qm.Fleet.Core.Rollouts;
using Qm.Fleet.Core.Tests.Rollouts;
using Xunit;

namespace Qm.Fleet.Core.Tests.Plans;

[Trait("Requirement", "QMF-PLAN-003")]
public sealed class RolloutForecastTests
{
    // Whatever the policy and whoever is away: the batches foreseen are the batches that come.
    [Fact]
    public void Of_AnyFleet_ForeseesTheBatchesThatCome() =>
        Gen.Select(Gen.Int[1, 12], Gen.Int[1, 5].Array[0, 3], Gen.Int[0, 3].Array[12], Gen.Int[1, 4]).Sample((count, limits, kinds, budget) =>
        {
            var policy = new RolloutPolicy
            {
                Batches = [ModelFleet.Batch("canary=true"), .. limits.Select(limit => new RolloutBatch(null, new(limit, false))), ModelFleet.Batch("")],
                MaxUnavailable = new(budget, false),
                Soak = TimeSpan.FromMinutes(2),
            };
            var fleet = new ModelFleet(policy, ModelFleet.Names(count));
            foreach (var (node, kind) in fleet.Nodes.Zip(kinds))
            {
                node.Labels["canary"] = kind == 1 ? "true" : "false";
                node.Cordoned = kind == 2;
            }

            var forecast = RolloutForecast.Of(fleet.State, policy, fleet.View(), fleet.Now);
            for (var minutes = 0; minutes < 300 && !fleet.State.HasEnded; minutes += 3)
            {
                fleet.Settle();
                fleet.Turn(TimeSpan.FromMinutes(3));
            }

            Assert.Equal(
                Enumerable.Range(0, policy.Batches.Length).Select(number => string.Join(' ', fleet.State.Members.Where(member => member.Value.Batch == number).Select(member => member.Key))),
                forecast.Batches.Select(batch => string.Join(' ', batch)));
            Assert.Equal(fleet.State.Members.Where(member => member.Value.State != MemberState.Done).Select(member => member.Key), forecast.Left.Keys);
            Assert.Equal(fleet.State.Phase == RolloutPhase.Succeeded, forecast.EndsAt is not null);
            Assert.True(forecast.EndsAt is null || forecast.EndsAt <= fleet.Now, $"{forecast.EndsAt} is after {fleet.Now}");
        }, iter: 300);

    [Fact]
    public void Of_ClosedWindow_SaysWhenItOpensAndNotBeforeWhenItEnds()
    {
        Assert.True(MaintenanceWindow.TryParse("Mon-Fri 20:00-22:00", out var window, out _));
        var policy = RolloutPolicy.Default with { Windows = [window], Soak = TimeSpan.FromMinutes(10) };
        var fleet = new ModelFleet(policy, ModelFleet.Names(3));

        var forecast = RolloutForecast.Of(fleet.State, policy, fleet.View(), fleet.Now);

        Assert.Equal(["Window", "Window", "Window"], forecast.Held.Values.Select(hold => hold.Gate));
        Assert.Equal(fleet.Now.AddHours(8), forecast.Held["ecu01"].Until);
        Assert.Equal("no maintenance window is open (Mon-Fri 20:00-22:00 UTC)", forecast.Held["ecu01"].Reason);
        Assert.Equal(fleet.Now.AddHours(8).AddMinutes(10), forecast.EndsAt);
    }

    [Fact]
    public void Of_NothingInTheWay_HoldsNothing()
    {
        var fleet = new ModelFleet(RolloutPolicy.Default, ModelFleet.Names(3));

        var forecast = RolloutForecast.Of(fleet.State, RolloutPolicy.Default, fleet.View(), fleet.Now);

        Assert.Empty(forecast.Held);
        Assert.Empty(forecast.Left);
        Assert.Equal(fleet.Now, forecast.EndsAt);
    }

    [Fact]
    public void Of_NodeDownAlready_HoldsTheOthersByTheBudget()
    {
        var fleet = new ModelFleet(RolloutPolicy.Default, ModelFleet.Names(3));
        fleet["ecu02"].Seen = Availability.Away;

        var forecast = RolloutForecast.Of(fleet.State, RolloutPolicy.Default, fleet.View(), fleet.Now);

        Assert.Equal(["Budget", "Offline", "Budget"], forecast.Held.Values.Select(hold => hold.Gate));
        Assert.Equal(["ecu02"], forecast.Left.Keys);
        Assert.Null(forecast.EndsAt);
    }

    [Fact]
    public void Of_RevisionKnownToBeBad_SaysWhere()
    {
        var fleet = new ModelFleet(RolloutPolicy.Default, ModelFleet.Names(2));
        var nodes = fleet.View();
        nodes["ecu01"] = nodes["ecu01"] with { KnownBad = "radio.service is failed" };

        var forecast = RolloutForecast.Of(fleet.State, RolloutPolicy.Default, nodes, fleet.Now);

        Assert.Equal(("KnownBad", "radio.service is failed"), (forecast.Left["ecu01"].Gate, forecast.Left["ecu01"].Reason));
        Assert.Null(forecast.EndsAt);
    }
}
