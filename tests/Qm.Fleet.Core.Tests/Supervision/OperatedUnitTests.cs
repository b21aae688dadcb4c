using System.Collections.Immutable;
using Qm.Fleet.Core.Supervision;
using Xunit;
using static Qm.Fleet.Core.Tests.Supervision.SupervisedNode;

namespace Qm.Fleet.Core.Tests.Supervision;

/// <summary>What a person does to a unit is no failure of it, and no start of its own.</summary>
[Trait("Requirement", "QMF-API-028")]
public sealed class OperatedUnitTests
{
    private static readonly ImmutableSortedDictionary<string, bool> Nothing = ImmutableSortedDictionary<string, bool>.Empty;

    [Fact]
    public void Restart_ByAPerson_CountsForNothing()
    {
        var node = new SupervisedNode(SupervisionPolicy.Default);
        node.Judge();
        for (var restart = 1; restart < 30; restart++)
        {
            node.View = node.View with { Operated = Nothing.Add(Radio, false) };
            node.Set(Running($"radio{restart}"));
            Assert.Null(node.Judge().Step);
        }

        node.View = node.View with { Operated = Nothing };
        Assert.Null(node.Judge().Step);
        Assert.Empty(node.State.Units[Radio].SelfRestarts);
        Assert.Empty(node.Notices);
    }

    [Theory]
    [InlineData("inactive", "success")]
    [InlineData("failed", "timeout")]
    public void Stop_ByAPerson_IsLeftSoAlsoByTheNextController(string state, string result)
    {
        var node = new SupervisedNode(SupervisionPolicy.Default);
        node.Judge();
        // A unit that shall answer a probe, and is down, fails.
        node.View = node.View with { Probes = new Dictionary<string, ProbeReading> { [Radio] = new(Radio, false, 3, "no answer") } };
        node.View = node.View with { Operated = Nothing.Add(Radio, true) };
        node.Set(Down(state, result) with { InvocationId = "radio0" });
        Assert.Null(node.Judge().Step);

        node.View = node.View with { Operated = Nothing };
        node.Pass(TimeSpan.FromHours(1));
        Assert.Null(node.Judge().Step);
        Assert.True(node.State.MustBeStored(NodeSupervision.New));
        Assert.Equal("radio0", node.State.Stored.Units[Radio].Left);
        Assert.Null(Supervisor.Judge(node.View, node.State.Stored, node.Policy, node.Now).Step);
        Assert.Empty(node.Notices);
    }

    [Fact]
    public void Unit_ThatFailsAfterItWasStartedAgain_IsHealed()
    {
        var node = new SupervisedNode(SupervisionPolicy.Default);
        node.Judge();
        node.View = node.View with { Operated = Nothing.Add(Radio, true) };
        node.Set(Down("inactive", "success") with { InvocationId = "radio0" });
        node.Judge();
        node.View = node.View with { Operated = Nothing.Add(Radio, false) };
        node.Set(Running("radio1"));
        node.Judge();
        Assert.Equal("", node.State.Units[Radio].Left);

        node.View = node.View with { Operated = Nothing };
        node.Set(Down() with { InvocationId = "radio1" });
        Assert.NotNull(node.Judge().Step);
        Assert.Equal(["UnitFailing"], node.Reasons);
    }

    [Fact]
    public void RestartOfQm_ByAPerson_TakesWhatIsInItWithIt()
    {
        var node = new SupervisedNode(SupervisionPolicy.Default);
        node.Judge();
        node.View = node.View with { Operated = Nothing.Add("qm.service", false) };
        node.SetQm(Running("qm1"));
        node.Set(Running("radio1"));
        node.Judge();

        Assert.Empty(node.State.Units[Radio].SelfRestarts);
        Assert.Empty(node.State.Units["qm.service"].SelfRestarts);
        Assert.Empty(node.State.QmRestarts);
    }
}
