using Qm.Fleet.BlueChi.Jobs;
using Xunit;

namespace Qm.Fleet.BlueChi.Tests.Jobs;

[Trait("Requirement", "QMF-BLUECHI-003")]
public sealed class UnsettledCommandsTests
{
    private static readonly DateTimeOffset Asked = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private readonly UnsettledCommands _commands = new();

    [Fact]
    public void Seen_AnotherInvocationThanBefore_IsTheLateExecution_Once()
    {
        _commands.Add("ecu1", "a.service", JobType.Start, Asked, "");

        Assert.Null(_commands.Seen("ecu1", "a.service", ""));
        Assert.Null(_commands.Seen("ecu2", "a.service", "1"));
        Assert.Equal(new LateExecution("ecu1", "a.service", JobType.Start, Asked, "1"), _commands.Seen("ecu1", "a.service", "1"));
        Assert.Null(_commands.Seen("ecu1", "a.service", "1"));
    }

    [Fact]
    public void Seen_SameInvocation_IsNoExecution()
    {
        _commands.Add("ecu1", "a.service", JobType.Restart, Asked, "1");

        Assert.Null(_commands.Seen("ecu1", "a.service", "1"));
        Assert.NotNull(_commands.Seen("ecu1", "a.service", "2"));
    }

    [Fact]
    public void Seen_AfterAnotherCommand_IsThatOnes()
    {
        _commands.Add("ecu1", "a.service", JobType.Restart, Asked, "1");
        _commands.Superseded("ecu1", "a.service");

        Assert.Null(_commands.Seen("ecu1", "a.service", "2"));
    }

    [Fact]
    public void Add_CommandsThatLeaveNoMark_AreNotWaitedFor()
    {
        _commands.Add("ecu1", "a.service", JobType.Stop, Asked, "1");

        Assert.Null(_commands.Seen("ecu1", "a.service", "2"));
    }

    [Fact]
    public void Add_MoreThanAnybodyNeeds_ForgetsTheOldest()
    {
        for (var index = 0; index <= 1024; index++)
        {
            _commands.Add("ecu1", $"{index}.service", JobType.Start, Asked, "");
        }

        Assert.Null(_commands.Seen("ecu1", "0.service", "1"));
        Assert.NotNull(_commands.Seen("ecu1", "1.service", "1"));
        Assert.NotNull(_commands.Seen("ecu1", "1024.service", "1"));
    }
}
