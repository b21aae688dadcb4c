using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Qm.Fleet.Controller.Gateway;
using Qm.Fleet.Controller.Reconcile;
using Qm.Fleet.Core.Reconcile;

namespace Qm.Fleet.Controller.Tests.Reconcile;

/// <summary>What a node says of its clock and its disk becomes conditions, and is not known any more when the node is not heard.</summary>
[Trait("Requirement", "QMF-WATCH-090")]
public sealed class VitalConditionTests
{
    private readonly FakeTimeProvider _time = new(new(2026, 11, 28, 12, 0, 0, TimeSpan.Zero));

    [Theory]
    [InlineData(-75_000, 100L << 20, false, "its clock is 75 s behind the controller's", false, "/var/qm has 1 % of 8G free")]
    [InlineData(1_000, 4L << 30, true, "its clock is within 2 s", true, "/var/qm has 10 % and 256M free")]
    public void Judge_AHeartbeat_SaysHowTheClockAndTheDiskAre(int skewMs, long free, bool isRight, string clock, bool hasSpace, string disk)
    {
        var links = new AgentLinks(_time, NullLogger<AgentLinks>.Instance);
        using var link = new AgentLink("ecu1", "boot-1", static (_, _) => Task.CompletedTask, _time);
        links.Open(link);
        Assert.All(Judge(links), static condition => Assert.Null(condition.Holds));

        links.Vitals(link, new() { ClockUnixMs = _time.GetUtcNow().ToUnixTimeMilliseconds() + skewMs, Disk = new() { Path = "/var/qm", TotalBytes = 8L << 30, AvailableBytes = free } });
        var told = Judge(links);
        Assert.Equal(((bool?)isRight, (bool?)hasSpace), (told[0].Holds, told[1].Holds));
        Assert.StartsWith(clock, told[0].Message, StringComparison.Ordinal);
        Assert.StartsWith(disk, told[1].Message, StringComparison.Ordinal);

        links.Remove(link, "it was cut off");
        Assert.All(Judge(links), static condition => Assert.Equal((null, "NotHeard"), (condition.Holds, condition.Reason)));
    }

    private LiveCondition[] Judge(AgentLinks links) =>
    [
        .. NodeConditions.Judge(new() { Name = "ecu1", Memory = new() }, new NodeStep.Idle(""), [], links, default, _time.GetUtcNow()).Where(static condition => condition.Type is "ClockInSync" or "DiskSpace"),
    ];
}
