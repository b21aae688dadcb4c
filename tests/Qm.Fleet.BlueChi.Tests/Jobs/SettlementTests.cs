using Qm.Fleet.BlueChi.Jobs;
using Xunit;

namespace Qm.Fleet.BlueChi.Tests.Jobs;

[Trait("Requirement", "QMF-BLUECHI-003")]
public sealed class SettlementTests
{
    [Theory]
    // A start of what did not run.
    [InlineData(JobType.Start, "inactive", "", "active", "1", 0, Settlement.CarriedOut)]
    [InlineData(JobType.Start, "inactive", "", "activating", "1", 0, Settlement.UnderWay)]
    [InlineData(JobType.Start, "inactive", "", "failed", "1", 0, Settlement.TriedAndFailed)]
    [InlineData(JobType.Start, "inactive", "", "inactive", "1", 0, Settlement.CarriedOut)]
    [InlineData(JobType.Start, "inactive", "", "inactive", "", 0, Settlement.NotSeen)]
    [InlineData(JobType.Start, "inactive", "", "inactive", "", 7, Settlement.UnderWay)]
    // A unit that had failed before is not a start that failed.
    [InlineData(JobType.Start, "failed", "1", "failed", "1", 0, Settlement.NotSeen)]
    [InlineData(JobType.Start, "failed", "1", "failed", "2", 0, Settlement.TriedAndFailed)]
    // A restart is told by the invocation alone: the unit was active all along.
    [InlineData(JobType.Restart, "active", "1", "active", "1", 0, Settlement.NotSeen)]
    [InlineData(JobType.Restart, "active", "1", "active", "2", 0, Settlement.CarriedOut)]
    [InlineData(JobType.Restart, "active", "1", "deactivating", "1", 0, Settlement.UnderWay)]
    [InlineData(JobType.Restart, "active", "1", "failed", "2", 0, Settlement.TriedAndFailed)]
    [InlineData(JobType.Restart, "active", "1", "failed", "1", 0, Settlement.NotSeen)]
    [InlineData(JobType.Stop, "active", "1", "inactive", "1", 0, Settlement.CarriedOut)]
    [InlineData(JobType.Stop, "active", "1", "failed", "1", 0, Settlement.CarriedOut)]
    [InlineData(JobType.Stop, "active", "1", "active", "1", 0, Settlement.NotSeen)]
    // A reload leaves no mark at all.
    [InlineData(JobType.Reload, "active", "1", "active", "1", 0, Settlement.CannotTell)]
    public void Judge_StatesBeforeAndAfter_TellWhatBecameOfTheJob(
        JobType type, string activeBefore, string invocationBefore, string activeAfter, string invocationAfter, uint jobAfter, Settlement expected) =>
        Assert.Equal(expected, Settlements.Judge(type, State(activeBefore, invocationBefore, 0), State(activeAfter, invocationAfter, jobAfter)));

    [Theory]
    [InlineData(JobType.Start)]
    [InlineData(JobType.Stop)]
    [InlineData(JobType.Restart)]
    [InlineData(JobType.Reload)]
    public void Judge_StateCouldNotBeRead_CannotTell(JobType type) =>
        Assert.Equal(Settlement.CannotTell, Settlements.Judge(type, State("active", "1", 0), null));

    private static UnitState State(string active, string invocation, uint job) => new("loaded", active, "any", "", invocation, null, null, job);
}
