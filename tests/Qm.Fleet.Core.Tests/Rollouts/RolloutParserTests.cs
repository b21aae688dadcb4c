using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Rollouts;
using Xunit;

namespace Qm.Fleet.Core.Tests.Rollouts;

[Trait("Requirement", "QMF-ROLL-001")]
public sealed class RolloutParserTests
{
    [Fact]
    public void Parse_NothingGiven_IsTheDefault() => Assert.Equal(RolloutPolicy.Default, Parse(new()).Value!.Rollout);

    [Fact]
    public void Parse_Everything_IsReadBack()
    {
        var policy = Parse(new()
        {
            Batches = [("canary=true", ""), ("", "25%"), ("", "100%")],
            Soak = "2m",
            MaxUnavailable = "10%",
            BudgetPer = "vehicle",
            SuccessThreshold = "90%",
            OnFailure = "rollback-batch",
            Deadline = "1h",
            MaxRestarts = 2,
            MaxPressure = "20%",
            Windows = ["Mon-Fri 01:00-04:00 Europe/Berlin"],
            Preconditions = [("", "vehicle-parked.target", "")],
        }).Value!.Rollout;

        Assert.Equal(["canary=true", "25%", "100%"], policy.Batches.Select(batch => batch.ToString()));
        Assert.Equal((TimeSpan.FromMinutes(2), new Amount(10, true), "vehicle", 90), (policy.Soak, policy.MaxUnavailable, policy.BudgetPer, policy.SuccessThreshold));
        Assert.Equal((OnFailure.RollbackBatch, TimeSpan.FromHours(1), 2, 20d), (policy.OnFailure, policy.Deadline, policy.MaxRestarts, policy.MaxPressure));
        Assert.Equal("vehicle-parked.target is active", Assert.Single(policy.Preconditions).ToString());
        Assert.Single(policy.Windows);
    }

    [Fact]
    public void Parse_EverythingWrong_TellsAllAtOnce() => Assert.Equal(
        [
            "spec.rollout.soak: \"soon\" is not a time; expected a number with ms, s, m, h or d, such as 90s or 2m, at most 7d",
            "spec.rollout.deadline: \"8d\" is not a time; expected a number with ms, s, m, h or d, such as 90s or 2m, at most 7d",
            "spec.rollout.maxUnavailable: 101% is more than all nodes; expected 0% to 100%",
            "spec.rollout.successThreshold: \"9\" is not a part; expected such as 20%",
            "spec.rollout.maxPressure: \"much\" is not a number of nodes; expected a number such as 2, or a part such as 25%",
            "spec.rollout.batches[1].limit: 0 takes no node",
            "spec.rollout.batches: the batches need not take every node, and the others would never move; end them with {limit: 100%}",
            "spec.rollout.batches: a batch takes every node, so none is left for those after it",
            "spec.rollout.windows[0]: \"01:00-01:00\" never opens, because it ends when it begins",
            "spec.rollout.preconditions[0].state: \"activating\" is not a state that lasts; expected active, inactive, failed",
            "spec.rollout.onFailure: \"panic\" is not known; expected pause, rollback-batch or rollback",
            "spec.rollout.maxRestarts: -1 is below 0",
        ],
        Parse(new()
        {
            Batches = [("", "100%"), ("zone=a", "0")],
            Soak = "soon",
            Deadline = "8d",
            MaxUnavailable = "101%",
            SuccessThreshold = "9",
            MaxPressure = "much",
            OnFailure = "panic",
            MaxRestarts = -1,
            Windows = ["01:00-01:00"],
            Preconditions = [("", "vehicle-parked.target", "activating")],
        }).Problems.Select(problem => problem.ToString()));

    [Fact]
    public void Parse_PartsThatContradictEachOther_TellsAllAtOnce() => Assert.Equal(
        [
            "spec.rollout.successThreshold: 0% lets every node fail, so onFailure: rollback could never come to pass; expected 1% to 100%, or no onFailure",
            "spec.rollout.batches[2].select: batches[0] takes every node with canary=true, so none is left for this one",
            "spec.rollout.preconditions[2]: vehicle-parked.target has to be inactive here and active in preconditions[0], which can never both be",
        ],
        Parse(new()
        {
            SuccessThreshold = "0%",
            OnFailure = "rollback",
            Batches = [("canary=true", "100%"), ("", "1"), ("canary=true", "2"), ("", "")],
            Preconditions = [("", "vehicle-parked.target", ""), ("ecu1", "vehicle-parked.target", "inactive"), ("", "vehicle-parked.target", "inactive")],
        }).Problems.Select(problem => problem.ToString()));

    [Theory]
    [InlineData("0", "0 lets no node ever go down")]
    [InlineData("0%", "0% lets no node ever go down")]
    public void Parse_BudgetThatCanNeverBeMet_IsRefused(string budget, string problem) =>
        Assert.Contains(problem, Assert.Single(Parse(new() { MaxUnavailable = budget }).Problems).Message, StringComparison.Ordinal);

    private static Parsed<FleetSpec> Parse(RolloutManifest rollout) =>
        FleetParser.Parse(new() { Name = "cockpit", Selector = "zone=cockpit", Environment = new() { RootfsPreinstalled = true }, Rollout = rollout });
}
