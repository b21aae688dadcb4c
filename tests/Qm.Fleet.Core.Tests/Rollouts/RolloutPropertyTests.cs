using CsCheck;
using Qm.Fleet.Core.Rollouts;
using Xunit;

namespace Qm.Fleet.Core.Tests.Rollouts;

/// <summary>What holds for every fleet, checked by <see cref="ModelFleet"/> after every turn.</summary>
[Trait("Requirement", "QMF-ROLL-001")]
[Trait("Requirement", "QMF-RULE-3")]
public sealed class RolloutPropertyTests
{
    private static readonly Gen<RolloutPolicy> Policies =
        from batches in Gen.Int[1, 3]
        from limit in Gen.Int[1, 4]
        from budget in Gen.Int[1, 4]
        from part in Gen.Int[1, 100]
        from isPart in Gen.Bool
        from threshold in Gen.Int[0, 100]
        from onFailure in Gen.Enum<OnFailure>()
        from soak in Gen.Int[0, 3]
        select new RolloutPolicy
        {
            Batches = [.. Enumerable.Repeat(new RolloutBatch(null, new(limit, false)), batches - 1), new(null, Amount.All)],
            MaxUnavailable = isPart ? new(part, true) : new(budget, false),
            BudgetPer = "vehicle",
            SuccessThreshold = threshold,
            OnFailure = onFailure,
            Soak = TimeSpan.FromMinutes(soak),
        };

    /// <summary>What happens to a node in a turn.</summary>
    private enum Trouble { None, Away, Unheard, Down, Fault, Bad, Killed, Cordoned, Well }

    // Whatever happens, the budget holds; and once it stops happening, the rollout ends or says what it waits for.
    [Fact]
    public void Advance_AnyTrouble_KeepsTheBudgetAndEndsOnceItIsOver() =>
        Gen.Select(Policies, Gen.Int[1, 7], Gen.Enum<Trouble>().Array[0, 60], Gen.Int[0, 90].Array[1, 8]).Sample((policy, count, troubles, seconds) =>
        {
            var fleet = new ModelFleet(policy, ModelFleet.Names(count));
            foreach (var (name, index) in ModelFleet.Names(count).Select((name, index) => (name, index)))
            {
                fleet[name].Labels["vehicle"] = $"v{index / 3}";
            }

            for (var turn = 0; turn < troubles.Length; turn++)
            {
                Befall(fleet[ModelFleet.Names(count)[turn % count]], troubles[turn]);
                fleet.Turn(TimeSpan.FromSeconds(seconds[turn % seconds.Length]));
                foreach (var node in fleet.Nodes.Where((_, index) => (index + turn) % 3 > 0))
                {
                    node.Work();
                }
            }

            foreach (var node in fleet.Nodes)
            {
                Befall(node, Trouble.Well);
            }

            for (var hour = 0; hour < 3; hour++)
            {
                fleet.Settle();
                fleet.Turn(TimeSpan.FromHours(1));
                fleet.Settle();
            }

            Assert.True(
                fleet.State.HasEnded || fleet.State.Phase == RolloutPhase.Paused || fleet.Decision.Holds.Values.Any(hold => hold.Never) || fleet.State.Members.Values.Any(member => member.State == MemberState.Waiting),
                $"{fleet.State.Phase}: {fleet.Decision.Message}; {string.Join(", ", fleet.State.Members.Select(member => $"{member.Key} {member.Value.State} {member.Value.Failure} {fleet[member.Key]}"))}");
            Assert.All(fleet.State.Members, member => Assert.True(member.Value.IsSettled || fleet.Decision.Holds.ContainsKey(member.Key), $"{member.Key} is {member.Value.State}, and nobody says why"));
            Assert.NotEmpty(fleet.Decision.Message);
        }, iter: 3000);

    // Every small fleet there is: up to four nodes, each in every health, every first batch, every budget.
    [Fact]
    public void Advance_EverySmallFleet_KeepsTheBudget()
    {
        Availability?[] health = [null, Availability.Unheard, Availability.Away, Availability.Down];
        var fleets = 0;
        foreach (var count in Enumerable.Range(1, 4))
        {
            foreach (var number in Enumerable.Range(0, (int)Math.Pow(health.Length, count)))
            {
                foreach (var (batch, budget) in from batch in Enumerable.Range(1, count) from budget in Enumerable.Range(1, count) select (batch, budget))
                {
                    var policy = new RolloutPolicy { Batches = [new(null, new(batch, false)), new(null, Amount.All)], MaxUnavailable = new(budget, false) };
                    var fleet = new ModelFleet(policy, ModelFleet.Names(count));
                    foreach (var (node, index) in fleet.Nodes.Select((node, index) => (node, index)))
                    {
                        node.Seen = health[number / (int)Math.Pow(health.Length, index) % health.Length];
                        (node.IsUp, node.Seen) = node.Seen == Availability.Down ? (false, null) : (true, node.Seen);
                    }

                    fleet.Settle();
                    fleets++;
                    // Who can be reached is done, unless those who cannot use up the budget.
                    var unreachable = fleet.Nodes.Count(node => node.Seen is not null);
                    Assert.True(
                        unreachable >= budget || unreachable == count || fleet.State.Members.Values.Count(member => member.State == MemberState.Done) == count - unreachable,
                        $"{count} nodes, health {number}, batch {batch}, budget {budget}: {fleet.Decision.Summary}");
                }
            }
        }

        Assert.Equal(4 * 1 + 16 * 4 + 64 * 9 + 256 * 16, fleets);
    }

    // What is stored is all there is: a controller killed after any turn decides the same.
    [Fact]
    public void Advance_SameStateSameView_DecidesTheSame() => Gen.Select(Policies, Gen.Int[1, 5], Gen.Int[0, 12]).Sample((policy, count, turns) =>
    {
        var fleet = new ModelFleet(policy, ModelFleet.Names(count));
        for (var turn = 0; turn < turns; turn++)
        {
            fleet.Turn(TimeSpan.FromSeconds(20));
            foreach (var node in fleet.Nodes)
            {
                node.Work();
            }
        }

        var (one, other) = (RolloutEngine.Advance(fleet.State, policy, fleet.View(), fleet.Now), RolloutEngine.Advance(fleet.State, policy, fleet.View(), fleet.Now));
        Assert.Equal(one.State.Members, other.State.Members);
        Assert.Equal((one.State.Phase, one.State.Batch, one.Message, one.Wake), (other.State.Phase, other.State.Batch, other.Message, other.Wake));
        Assert.Equal(one.Holds, other.Holds);
    });

    private static void Befall(ModelMember node, Trouble trouble)
    {
        switch (trouble)
        {
            case Trouble.Away: node.Seen = Availability.Away; break;
            case Trouble.Unheard: node.Seen = Availability.Unheard; break;
            case Trouble.Down: (node.Seen, node.IsUp) = (null, false); break;
            case Trouble.Fault: node.Fault = "radio.service is failed"; break;
            case Trouble.Bad: node.Bad = (ModelFleet.New, "QM does not start"); break;
            case Trouble.Killed: node.Health = node.Health with { OomKills = node.Health.OomKills + 1 }; break;
            case Trouble.Cordoned: node.Cordoned = true; break;
            case Trouble.Well: (node.Seen, node.Fault, node.Cordoned) = (null, null, false); break;
            default: break;
        }
    }
}
