using Qm.Fleet.BlueChi.Bus;
using Qm.Fleet.Lab.Nodes;
using Qm.Fleet.Lab.Peers;
using Qm.Fleet.Lab.Processes;
using Xunit;

namespace Qm.Fleet.Lab.Tests.Peers;

[Trait("Requirement", "QMF-LAB-005")]
public sealed class PeerAgentTests : IAsyncLifetime
{
    private const string Unit = LightNode.Unit;
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);
    private readonly ScriptedController _controller = new();
    private readonly EmulatedSystemd _systemd = LightNode.Create("ecu1", NodeTimings.Fast, TimeProvider.System);
    private readonly PeerBlueChi _peers;

    public PeerAgentTests() => _peers = new(new PeerOptions(_controller.Address, TimeSpan.FromMilliseconds(500)), TimeProvider.System);

    public ValueTask InitializeAsync()
    {
        _peers.TryRegister("ecu1", _systemd);
        return default;
    }

    public async ValueTask DisposeAsync()
    {
        await _peers.DisposeAsync();
        await _controller.DisposeAsync();
    }

    [Fact]
    public async Task Register_LetIn_SendsHeartbeats()
    {
        _controller.HearsHeartbeats = true;
        await _controller.AcceptAsync("ecu1");

        await _controller.SeenAsync("Heartbeat");
        await _controller.SeenAsync("Heartbeat");

        Assert.Empty(_peers.Troubles);
    }

    [Fact]
    public async Task Register_Refused_TriesAgainAndSaysWhy()
    {
        _controller.RefuseNext("Unexpected node name");
        await _controller.AcceptAsync("ecu1");
        var refused = await Assert.ThrowsAsync<LabException>(() => _peers.RegisteredAsync(["ecu1"], TimeSpan.FromMilliseconds(200), TestContext.Current.CancellationToken));

        await _controller.AcceptAsync("ecu1");
        await _peers.RegisteredAsync(["ecu1"], Deadline, TestContext.Current.CancellationToken);

        Assert.Contains("ecu1: Unexpected node name", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task StartUnit_Accepted_RepliesThenTellsTheJob()
    {
        await _controller.AcceptAsync("ecu1");

        Assert.Empty(await _controller.CallAsync("StartUnit", Unit, "replace", 7u));

        Assert.Equal(["reply StartUnit", "JobStateChanged 7 running", "JobDone 7 done"], await _controller.SeenAsync("JobDone 7 done"));
        Assert.Equal("active", _systemd.Find(Unit)!.ActiveState);
        Assert.Equal(1UL, _peers.Counters["ecu1", "StartUnit"]);
    }

    [Theory]
    [InlineData("StartUnit", "missing.service", "org.freedesktop.systemd1.NoSuchUnit")]
    [InlineData("StopUnit", "missing.service", "org.freedesktop.systemd1.NoSuchUnit")]
    [InlineData("StartUnit", "nonsense", "org.freedesktop.DBus.Error.InvalidArgs")]
    [InlineData("Hibernate", Unit, "org.freedesktop.DBus.Error.UnknownMethod")]
    public async Task Call_Refused_AnswersTheErrorAndTellsNoJob(string member, string unit, string error)
    {
        await _controller.AcceptAsync("ecu1");

        Assert.Equal(error, await ErrorOfAsync(_controller.CallAsync(member, unit, "replace", 7u)));

        await _controller.CallAsync("ListUnits");
        Assert.Equal(["reply ListUnits"], await _controller.SeenAsync("reply ListUnits"));
    }

    [Fact]
    public async Task Call_WrongSignature_IsRefused()
    {
        await _controller.AcceptAsync("ecu1");

        Assert.Equal("org.freedesktop.DBus.Error.InvalidArgs", await ErrorOfAsync(_controller.CallAsync("StartUnit", Unit, "replace")));
    }

    [Fact]
    public async Task Subscribe_ARunningUnit_TellsItOnceAndThenItsChanges()
    {
        await _controller.AcceptAsync("ecu1");
        await _systemd.RunAsync(JobType.Start, Unit, TestContext.Current.CancellationToken);

        await _controller.CallAsync("Subscribe", Unit);
        Assert.Equal([$"UnitNew {Unit} virtual", $"UnitStateChanged {Unit} active running virtual", "reply Subscribe"], await _controller.SeenAsync("reply Subscribe"));
        Assert.Equal("org.freedesktop.DBus.Error.Failed", await ErrorOfAsync(_controller.CallAsync("Subscribe", Unit)));

        await _systemd.RunAsync(JobType.Stop, Unit, TestContext.Current.CancellationToken);
        var seen = await _controller.SeenAsync($"UnitStateChanged {Unit} inactive dead real");
        Assert.Equal(
            [
                $"UnitPropertiesChanged {Unit} org.freedesktop.systemd1.Service a{{sv}}", $"UnitStateChanged {Unit} deactivating stop-sigterm real",
                $"UnitPropertiesChanged {Unit} org.freedesktop.systemd1.Unit a{{sv}}",
            ], seen.Take(3));

        await _controller.CallAsync("Unsubscribe", Unit);
        Assert.Equal("org.freedesktop.DBus.Error.Failed", await ErrorOfAsync(_controller.CallAsync("Unsubscribe", Unit)));
    }

    [Fact]
    public async Task Reload_SubscribedUnit_LeavesTheAgentBelievingItInactive()
    {
        await _controller.AcceptAsync("ecu1");
        await _systemd.RunAsync(JobType.Start, Unit, TestContext.Current.CancellationToken);
        await _controller.CallAsync("Subscribe", "*");
        await _controller.SeenAsync("reply Subscribe");

        await _controller.CallAsync("Reload");
        Assert.Equal([$"UnitRemoved {Unit}", $"UnitNew {Unit} real", "reply Reload"], await _controller.SeenAsync("reply Reload"));

        await _controller.CallAsync("Subscribe", Unit);
        Assert.Contains($"UnitStateChanged {Unit} inactive dead virtual", await _controller.SeenAsync("reply Subscribe"));
    }

    [Fact]
    public async Task Connection_Lost_ComesBackWithItsSubscriptionsAndJobs()
    {
        await _controller.AcceptAsync("ecu1");
        _systemd.Node.Faults.SlowDown(Unit, Deadline);
        await _controller.CallAsync("Subscribe", Unit);
        await _controller.CallAsync("StartUnit", Unit, "replace", 1u);

        await _controller.DropAsync();
        await _controller.AcceptAsync("ecu1");
        await _controller.CallAsync("JobCancel", 1u);
        var told = await _controller.SeenAsync("JobDone 1 canceled");
        _systemd.Node.Faults.SlowDown(Unit, TimeSpan.Zero);
        await _systemd.RunAsync(JobType.Start, Unit, TestContext.Current.CancellationToken);

        told = [.. told, .. await _controller.SeenAsync($"UnitStateChanged {Unit} active running real")];
        Assert.DoesNotContain(told, line => line.EndsWith(" virtual", StringComparison.Ordinal));
        Assert.Equal("org.freedesktop.DBus.Error.Failed", await ErrorOfAsync(_controller.CallAsync("Subscribe", Unit)));
    }

    [Fact]
    public async Task Heal_FreshAgent_KnowsNothingOfBefore()
    {
        await _controller.AcceptAsync("ecu1");
        await _controller.CallAsync("Subscribe", Unit);
        await _peers.CutAsync("ecu1");

        await _peers.HealFreshAsync("ecu1");
        await _controller.AcceptAsync("ecu1");

        await _controller.CallAsync("Subscribe", Unit);
        Assert.Contains($"UnitNew {Unit} virtual", await _controller.SeenAsync("reply Subscribe"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Freeze_CallsMeanwhile_AreCarriedOutAfterwards(bool stalledLink)
    {
        await _controller.AcceptAsync("ecu1");
        await (stalledLink ? _peers.CutAsync("ecu1", dataInFlight: true) : _peers.FreezeAsync("ecu1"));

        await Assert.ThrowsAsync<BusTimeoutException>(() => _controller.CallAsync("StartUnit", TimeSpan.FromMilliseconds(100), Unit, "replace", 9u));
        Assert.Equal("inactive", _systemd.Find(Unit)!.ActiveState);

        await (stalledLink ? _peers.HealAsync("ecu1") : _peers.ThawAsync("ecu1"));
        await _controller.SeenAsync("JobDone 9 done");
        Assert.Equal("active", _systemd.Find(Unit)!.ActiveState);
    }

    [Fact]
    public async Task JobCancel_ARunningJob_EndsItCanceled()
    {
        await _controller.AcceptAsync("ecu1");
        _systemd.Node.Faults.SlowDown(Unit, Deadline);
        await _controller.CallAsync("StartUnit", Unit, "replace", 3u);

        await _controller.CallAsync("JobCancel", 3u);

        await _controller.SeenAsync("JobDone 3 canceled");
        Assert.Equal("org.freedesktop.DBus.Error.Failed", await ErrorOfAsync(_controller.CallAsync("JobCancel", 4u)));
    }

    [Fact]
    public async Task StartUnit_Twice_TellsTheNewerJobOnly()
    {
        await _controller.AcceptAsync("ecu1");
        _systemd.Node.Faults.SlowDown(Unit, TimeSpan.FromMilliseconds(100));

        await _controller.CallAsync("StartUnit", Unit, "replace", 1u);
        await _controller.CallAsync("StartUnit", Unit, "replace", 2u);

        Assert.DoesNotContain("JobDone 1 done", await _controller.SeenAsync("JobDone 2 done"));
    }

    [Fact]
    public async Task Metrics_Enabled_TellHowLongAJobTookBeforeItsEnd()
    {
        await _controller.AcceptAsync("ecu1");
        await _controller.CallAsync("EnableMetrics");
        Assert.Equal("org.freedesktop.DBus.Error.InvalidArgs", await ErrorOfAsync(_controller.CallAsync("EnableMetrics")));

        await _controller.CallAsync("StartUnit", Unit, "replace", 1u);
        Assert.Contains($"AgentJobMetrics {Unit} StartUnit t", await _controller.SeenAsync("JobDone 1 done"));

        await _controller.CallAsync("DisableMetrics");
        await _controller.CallAsync("StopUnit", Unit, "replace", 2u);
        Assert.DoesNotContain(await _controller.SeenAsync("JobDone 2 done"), line => line.StartsWith("AgentJobMetrics", StringComparison.Ordinal));
    }

    private static async Task<string> ErrorOfAsync(Task call) => (await Assert.ThrowsAsync<BusErrorException>(() => call)).Name;
}
