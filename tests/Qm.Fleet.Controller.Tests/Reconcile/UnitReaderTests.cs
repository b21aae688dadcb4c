using Microsoft.Extensions.Logging.Abstractions;
using Qm.Fleet.BlueChi;
using Qm.Fleet.Controller.Reconcile;
using Qm.Fleet.Controller.Tests.Operations;

namespace Qm.Fleet.Controller.Tests.Reconcile;

/// <summary>A node that is lost in the middle of a question is not waited for until the question has run out of time.</summary>
[Trait("Requirement", "QMF-SUPER-010")]
public sealed class UnitReaderTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Read_NodeThatBlueChiLoses_EndsWithWhatOthersAnswered()
    {
        await using var controller = await RunningController.StartAsync();
        var (blueChi, link) = (FakeBlueChi.Connect(controller, "ecu1"), controller.Service<BlueChiLink>());
        blueChi.Silent["qm.ecu1"] = true;

        var reading = ReadAsync(link);
        Assert.False(reading.IsCompleted);
        link.NodeStatusChanged("qm.ecu1", NodeStatus.Offline);

        var read = await reading.WaitAsync(TimeSpan.FromMinutes(1), Ct);
        Assert.Equal("active", read.Qm?.ActiveState);
        Assert.Empty(read.Inside);
    }

    [Fact]
    public async Task Read_BlueChiThatGoes_Ends()
    {
        await using var controller = await RunningController.StartAsync();
        var (blueChi, link) = (FakeBlueChi.Connect(controller, "ecu1"), controller.Service<BlueChiLink>());
        (blueChi.Silent["ecu1"], blueChi.Silent["qm.ecu1"]) = (true, true);

        var reading = ReadAsync(link);
        link.Disconnected("gone");

        Assert.Equal((null, 0, 0), await reading.WaitAsync(TimeSpan.FromMinutes(1), Ct) is var read ? (read.Qm, read.Host.Count, read.Inside.Count) : default);
    }

    [Fact]
    public async Task Read_NodeThatCameBack_IsAnswered()
    {
        await using var controller = await RunningController.StartAsync();
        var (blueChi, link) = (FakeBlueChi.Connect(controller, "ecu1"), controller.Service<BlueChiLink>());
        await ReadAsync(link);
        link.NodeStatusChanged("ecu1", NodeStatus.Offline);
        blueChi.Silent["ecu1"] = true;
        Assert.Null((await ReadAsync(link)).Qm);
        blueChi.Silent.Clear();
        link.NodeStatusChanged("ecu1", NodeStatus.Online);
        Assert.NotNull((await ReadAsync(link)).Qm);
    }

    private static Task<UnitReadings> ReadAsync(BlueChiLink link) =>
        UnitReader.ReadAsync(link, "ecu1", qmToo: true, [], ["radio.service"], NullLogger.Instance, Ct);
}
