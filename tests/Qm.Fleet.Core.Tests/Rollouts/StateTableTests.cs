using CsCheck;
using Qm.Fleet.Core.Rollouts;
using Xunit;

namespace Qm.Fleet.Core.Tests.Rollouts;

/// <summary>The tables of states in CONTRIBUTING.md, against what the engine and people's decisions are seen to do.</summary>
[Trait("Requirement", "QMF-ROLL-006")]
public sealed class StateTableTests
{
    private static readonly Gen<RolloutPolicy> Policies =
        from budget in Gen.Int[1, 3]
        from threshold in Gen.Int[0, 100]
        from onFailure in Gen.Enum<OnFailure>()
        from soak in Gen.Int[0, 1]
        select new RolloutPolicy
        {
            Batches = [new(null, new(1, false)), new(null, Amount.All)],
            MaxUnavailable = new(budget, false),
            SuccessThreshold = threshold,
            OnFailure = onFailure,
            Soak = TimeSpan.FromMinutes(soak),
        };

    // One turn may take several rows of the table; every row is taken by itself, too.
    [Fact]
    public void Members_WhateverHappens_GoByTheTable()
    {
        var (table, seen) = (Table("Member"), new HashSet<(string, string)>());
        Explore((before, after) =>
        {
            foreach (var (name, member) in after.Members)
            {
                if (before.Members.GetValueOrDefault(name) is { } was && was.State != member.State)
                {
                    seen.Add(($"{was.State}", $"{member.State}"));
                }
            }
        });

        Assert.Equal(table.Order(), table.Intersect(seen).Order());
        var paths = Paths(Paths(table, table), table);
        Assert.All(seen, step => Assert.True(paths.Contains(step), $"{step.Item1} became {step.Item2}, and the table has no way there"));
    }

    [Fact]
    public void Phases_WhateverHappens_GoByTheTable()
    {
        var (table, seen) = (Table("Rollout"), new HashSet<(string, string)>());
        Explore((before, after) =>
        {
            if (before.Phase != after.Phase)
            {
                seen.Add(($"{before.Phase}", $"{after.Phase}"));
            }
        });

        Assert.Equal(table.Order(), seen.Order());
    }

    private static void Explore(Action<RolloutState, RolloutState> note) =>
        Gen.Select(Policies, Gen.Int[1, 4], Gen.Int[0, 14].Array[4, 50]).Sample((policy, count, deeds) =>
        {
            var (fleet, names) = (new ModelFleet(policy, ModelFleet.Names(count)), ModelFleet.Names(count));
            foreach (var (deed, turn) in deeds.Select((deed, turn) => (deed, turn)))
            {
                var before = fleet.State;
                Do(deed, fleet, fleet[names[turn % count]]);
                note(before, fleet.State);
                before = fleet.State;
                fleet.Turn(TimeSpan.FromSeconds(20));
                note(before, fleet.State);
                foreach (var node in fleet.Nodes.Where((_, index) => deed > 10 || (turn + index) % 2 == 0))
                {
                    node.Work();
                }
            }
        }, iter: 8_000, threads: 1);

    private static void Do(int deed, ModelFleet fleet, ModelMember node)
    {
        switch (deed)
        {
            case 0: node.Bad = (ModelFleet.New, "QM does not start"); break;
            case 1: node.Bad = (ModelFleet.Old, "it no longer starts either"); break;
            case 2: node.Fault = "radio.service is failed"; break;
            case 3: (node.Fault, node.Bad, node.Seen) = (null, null, null); break;
            case 4: node.Seen = Availability.Away; break;
            case 5: fleet.State = RolloutVerbs.Resume(fleet.State) ?? fleet.State; break;
            case 6: fleet.State = RolloutVerbs.Retry(fleet.State, [], fleet.Now) ?? fleet.State; break;
            case 7 when fleet.Now.Minute % 7 == 0: fleet.State = RolloutVerbs.Abort(fleet.State, "alice", "") ?? fleet.State; break;
            case 8: node.Revision = node.Revision == ModelFleet.Old ? "" : node.Revision; break;
            case 9: node.Bad = ("", "it cannot be staged"); break;
            case 14: node.Postpones = !node.Postpones; break;
            default: break;
        }
    }

    private static HashSet<(string, string)> Paths(HashSet<(string From, string To)> one, HashSet<(string From, string To)> other) =>
        [.. one, .. from step in one from next in other where step.To == next.From select (step.From, next.To)];

    private static HashSet<(string From, string To)> Table(string heading)
    {
        var lines = File.ReadAllLines(Checkout.Of("CONTRIBUTING.md")).SkipWhile(line => !line.StartsWith($"| {heading} is |", StringComparison.Ordinal)).Skip(2).TakeWhile(line => line.StartsWith('|'));
        HashSet<(string, string)> rows = [.. lines.Select(line => line.Split('|')).Select(cells => (cells[1].Trim(), cells[2].Trim()))];
        Assert.NotEmpty(rows);
        return rows;
    }
}
