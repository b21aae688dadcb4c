using CsCheck;
using Qm.Fleet.BlueChi.Monitors;
using Xunit;

namespace Qm.Fleet.BlueChi.Tests.Monitors;

[Trait("Requirement", "QMF-BLUECHI-007")]
public sealed class SubscriptionPlanTests
{
    private static readonly string[] Nodes = ["n1", "n2", "n3"];
    private static readonly string[] Units = ["a.service", "b.service"];

    private static readonly Gen<Pattern> AnyPattern = Gen.Select(
        Gen.OneOf<string>([Pattern.All, .. Nodes]), Gen.OneOf<string>([Pattern.All, .. Units]), (node, unit) => new Pattern(node, unit));

    [Fact]
    public void Disjoint_AnyWishes_CoverTheSameUnitsExactlyOnce() => AnyPattern.HashSet[0, 8].Sample(wanted =>
    {
        var plan = SubscriptionPlan.Disjoint(wanted, Nodes);

        foreach (var one in from node in Nodes from unit in Units.Append("other.service") select new Pattern(node, unit))
        {
            Assert.Equal(wanted.Overlaps(one.Wider()) ? 1 : 0, plan.Count(pattern => one.Wider().Contains(pattern)));
        }
    });

    [Fact]
    public void Disjoint_NothingOverlaps_KeepsWildcards() =>
        Assert.Equal([new("*", "a.service"), new("*", "b.service")], SubscriptionPlan.Disjoint([new("*", "a.service"), new("*", "b.service")], Nodes).OrderBy(pattern => pattern.Unit));

    [Fact]
    public void Disjoint_WiderComes_NarrowerGoes() =>
        Assert.Equal([new Pattern("n1", "*")], SubscriptionPlan.Disjoint([new("n1", "a.service"), new("n1", "*"), new("n1", "b.service")], Nodes));
}
