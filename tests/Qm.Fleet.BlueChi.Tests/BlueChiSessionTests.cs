using Microsoft.Extensions.Logging.Abstractions;
using Qm.Fleet.BlueChi.Bus;
using Qm.Fleet.BlueChi.Jobs;
using Qm.Fleet.BlueChi.Session;
using Xunit;

namespace Qm.Fleet.BlueChi.Tests;

public sealed class BlueChiSessionTests : IAsyncLifetime
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    private readonly PrivateBus _bus = new();
    private readonly RecordingObserver _observer = new();
    private readonly CancellationTokenSource _stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
    private readonly BlueChiOptions _options = new() { CallDeadline = Deadline, JobDeadline = Deadline };
    private Task _session = Task.CompletedTask;

    public async ValueTask InitializeAsync()
    {
        await _bus.InitializeAsync();
        _stop.CancelAfter(Deadline);
        _options.Address = _bus.Address;
        _session = new BlueChiSession(_options, _observer, TimeProvider.System, () => 0, NullLogger<BlueChiSession>.Instance).RunAsync(_stop.Token);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _session;
        await _bus.DisposeAsync();
        _stop.Dispose();
    }

    [Fact]
    [Trait("Requirement", "QMF-BLUECHI-004")]
    public async Task Session_BlueChiComesLate_ListsAndSubscribes()
    {
        await using var blueChi = await ScriptedBlueChi.StartAsync(_bus, "ecu1", "qm.ecu1");

        await _observer.ToldAsync("connected ecu1=Online qm.ecu1=Online", _stop.Token);

        Assert.Equal(["ListNodes", "CreateMonitor", "Subscribe", "Subscribe"], blueChi.Calls);
    }

    [Fact]
    [Trait("Requirement", "QMF-BLUECHI-004")]
    [Trait("Requirement", "QMF-BLUECHI-001")]
    public async Task Session_BlueChiRestarts_ListsAgainAndTheOldOneIsNoLongerTalkedTo()
    {
        var first = await ScriptedBlueChi.StartAsync(_bus, "ecu1");
        var old = await _observer.NextConnectionAsync(_stop.Token);
        await first.DisposeAsync();
        await _observer.ToldAsync("disconnected", _stop.Token);

        await using var second = await ScriptedBlueChi.StartAsync(_bus, "ecu1", "ecu2");
        await _observer.ToldAsync("connected ecu1=Online ecu2=Online", _stop.Token);

        await Assert.ThrowsAnyAsync<BlueChiException>(() => old.ReloadAsync("ecu1", _stop.Token));
        Assert.DoesNotContain("Reload", second.Calls);
    }

    [Fact]
    [Trait("Requirement", "QMF-BLUECHI-002")]
    public async Task StartUnit_EndComesBeforeTheReply_IsFound()
    {
        await using var blueChi = await ScriptedBlueChi.StartAsync(_bus, "ecu1");
        var client = await _observer.NextConnectionAsync(_stop.Token);
        blueChi.OnNodeCall = call =>
        {
            blueChi.EmitJobRemoved(1, "ecu1", "a.service", "done");
            call.Reply(new BusValue.ObjectPath(ScriptedBlueChi.JobPath(1)));
            return Task.CompletedTask;
        };

        Assert.Equal(new JobOutcome(JobResult.Done, "done"), await client.StartUnitAsync("ecu1", "a.service", _stop.Token));
    }

    [Fact]
    [Trait("Requirement", "QMF-BLUECHI-002")]
    public async Task StartUnit_SameJobOfAnotherNodeOrUnitEnds_IsNotMistaken()
    {
        await using var blueChi = await ScriptedBlueChi.StartAsync(_bus, "ecu1");
        var client = await _observer.NextConnectionAsync(_stop.Token);
        blueChi.OnNodeCall = call =>
        {
            call.Reply(new BusValue.ObjectPath(ScriptedBlueChi.JobPath(1)));
            blueChi.EmitJobRemoved(1, "ecu2", "a.service", "done");
            blueChi.EmitJobRemoved(1, "ecu1", "b.service", "done");
            blueChi.EmitJobRemoved(1, "ecu1", "a.service", "dependency");
            return Task.CompletedTask;
        };

        Assert.Equal(new JobOutcome(JobResult.Failed, "dependency"), await client.StartUnitAsync("ecu1", "a.service", _stop.Token));
    }

    [Fact]
    [Trait("Requirement", "QMF-BLUECHI-003")]
    public async Task RestartUnit_NodeGoesOffline_IsUnknown()
    {
        await using var blueChi = await ScriptedBlueChi.StartAsync(_bus, "qm.ecu1");
        var client = await _observer.NextConnectionAsync(_stop.Token);
        blueChi.Units["bluechi-agent.service"] = new("active", 1);
        blueChi.OnNodeCall = call =>
        {
            blueChi.Units["bluechi-agent.service"] = new("active", 2);
            call.Reply(new BusValue.ObjectPath(ScriptedBlueChi.JobPath(1)));
            blueChi.EmitStatus("qm.ecu1", "offline");
            return Task.CompletedTask;
        };

        var outcome = await client.RestartUnitAsync("qm.ecu1", "bluechi-agent.service", _stop.Token);

        Assert.Equal((JobResult.Unknown, "qm.ecu1 went offline while the job was under way"), (outcome.Result, outcome.Detail));
        Assert.Equal(Settlement.CarriedOut, outcome.Settlement);
        await _observer.ToldAsync("qm.ecu1=Offline", _stop.Token);
    }

    [Fact]
    [Trait("Requirement", "QMF-BLUECHI-003")]
    public async Task StartUnit_BlueChiDies_IsUnknown()
    {
        var blueChi = await ScriptedBlueChi.StartAsync(_bus, "ecu1");
        var client = await _observer.NextConnectionAsync(_stop.Token);
        blueChi.OnNodeCall = call =>
        {
            call.Reply(new BusValue.ObjectPath(ScriptedBlueChi.JobPath(1)));
            return Task.CompletedTask;
        };

        var job = client.StartUnitAsync("ecu1", "a.service", _stop.Token);
        await blueChi.CalledAsync("StartUnit", _stop.Token);

        await blueChi.DisposeAsync();

        Assert.Equal(JobResult.Unknown, (await job).Result);
    }

    [Theory]
    [Trait("Requirement", "QMF-BLUECHI-003")]
    [InlineData("org.freedesktop.DBus.Error.NoReply", JobResult.Unknown)]
    [InlineData("org.freedesktop.systemd1.NoSuchUnit", JobResult.Refused)]
    [InlineData("org.freedesktop.DBus.Error.InvalidArgs", JobResult.Refused)]
    public async Task StartUnit_AnsweredWithAnError_IsSorted(string name, JobResult expected)
    {
        await using var blueChi = await ScriptedBlueChi.StartAsync(_bus, "ecu1");
        var client = await _observer.NextConnectionAsync(_stop.Token);
        blueChi.OnNodeCall = _ => throw new BusErrorException(name, "as BlueChi says it");

        var outcome = await client.StartUnitAsync("ecu1", "a.service", _stop.Token);

        Assert.Equal((expected, name), (outcome.Result, outcome.ErrorName));
    }

    [Theory]
    [Trait("Requirement", "QMF-BLUECHI-003")]
    [InlineData("org.eclipse.bluechi.Offline", typeof(NodeOfflineException))]
    [InlineData("org.freedesktop.DBus.Error.NoReply", typeof(OutcomeUnknownException))]
    [InlineData("org.freedesktop.DBus.Error.Failed", typeof(OutcomeUnknownException))]
    [InlineData("org.freedesktop.DBus.Error.UnknownObject", typeof(UnknownNodeException))]
    [InlineData("org.freedesktop.systemd1.NoSuchUnit", typeof(UnknownUnitException))]
    [InlineData("org.freedesktop.DBus.Error.PropertyReadOnly", typeof(RefusedException))]
    [InlineData("org.freedesktop.DBus.Error.AccessDenied", typeof(RefusedException))]
    [InlineData("System.Error.ENXIO", typeof(RefusedException))]
    [InlineData("org.freedesktop.DBus.Error.UnknownMethod", typeof(ProtocolException))]
    public async Task Reload_AnsweredWithAnError_IsSortedByWhoCanAct(string name, Type expected)
    {
        await using var blueChi = await ScriptedBlueChi.StartAsync(_bus, "ecu1");
        var client = await _observer.NextConnectionAsync(_stop.Token);
        blueChi.OnNodeCall = _ => throw new BusErrorException(name, "as BlueChi says it");

        var error = await Assert.ThrowsAsync(expected, () => client.ReloadAsync("ecu1", _stop.Token));

        Assert.Equal(("Reload on ecu1: as BlueChi says it", name), (error.Message, ((BlueChiException)error).ErrorName));
    }

    [Fact]
    [Trait("Requirement", "QMF-BLUECHI-005")]
    public async Task Jobs_OfOneUnit_WaitForEachOtherAndNobodyElse()
    {
        await using var blueChi = await ScriptedBlueChi.StartAsync(_bus, "ecu1", "ecu2");
        var client = await _observer.NextConnectionAsync(_stop.Token);
        var id = 0u;
        blueChi.OnNodeCall = call =>
        {
            call.Reply(new BusValue.ObjectPath(ScriptedBlueChi.JobPath(++id)));
            return Task.CompletedTask;
        };

        var first = client.StartUnitAsync("ecu1", "a.service", _stop.Token);
        var second = client.StopUnitAsync("ecu1", "a.service", _stop.Token);
        var other = client.StartUnitAsync("ecu2", "a.service", _stop.Token);
        blueChi.EmitJobRemoved(1, "ecu1", "a.service", "done");
        blueChi.EmitJobRemoved(2, "ecu2", "a.service", "done");
        blueChi.EmitJobRemoved(1, "ecu2", "a.service", "done");
        blueChi.EmitJobRemoved(2, "ecu1", "a.service", "done");
        await first;
        await other;
        Assert.False(second.IsCompleted);
        await blueChi.CalledAsync("StopUnit", _stop.Token);

        blueChi.EmitJobRemoved(3, "ecu1", "a.service", "done");

        Assert.Equal(JobResult.Done, (await second).Result);
    }

    [Fact]
    public async Task SetUnitProperties_UnknownUnit_IsRefusedBeforeSystemdKeepsAFile()
    {
        await using var blueChi = await ScriptedBlueChi.StartAsync(_bus, "ecu1");
        var client = await _observer.NextConnectionAsync(_stop.Token);
        blueChi.OnNodeCall = call =>
        {
            call.Reply(new BusValue.Variant("not-found"));
            return Task.CompletedTask;
        };

        await Assert.ThrowsAsync<UnknownUnitException>(() =>
            client.SetUnitPropertiesAsync("ecu1", "nosuch.service", true, [new("MemoryHigh", PropertyValue.From(1UL))], _stop.Token));

        Assert.DoesNotContain("SetUnitProperties", blueChi.Calls);
    }

    [Fact]
    public async Task Monitor_Signals_BecomeHints()
    {
        await using var blueChi = await ScriptedBlueChi.StartAsync(_bus, "ecu1");
        await _observer.NextConnectionAsync(_stop.Token);

        blueChi.EmitUnit("UnitNew", "ecu1", "qm.service", "real");
        blueChi.EmitUnit("UnitStateChanged", "ecu1", "qm.service", "inactive", "agent-offline", "virtual");

        await _observer.ToldAsync("ecu1 qm.service   real", _stop.Token);
        await _observer.ToldAsync("ecu1 qm.service inactive agent-offline virtual", _stop.Token);
    }

    [Fact]
    [Trait("Requirement", "QMF-BLUECHI-007")]
    public async Task Monitor_ManyWishesAtOnce_AreSubscribedOnceEach()
    {
        const int Wishes = 200;
        await using var blueChi = await ScriptedBlueChi.StartAsync(_bus, "ecu1");
        var client = await _observer.NextConnectionAsync(_stop.Token);
        await using var monitor = await client.CreateMonitorAsync(_ => { }, _stop.Token);
        blueChi.Calls.Clear();

        var wishes = await Task.WhenAll(Enumerable.Range(0, Wishes).Select(number => monitor.SubscribeAsync("ecu1", [$"u{number % 10}.service"], _stop.Token)));
        Assert.InRange(blueChi.Calls.Count, 1, 10);
        await Task.WhenAll(wishes.Select(wish => wish.DisposeAsync().AsTask()));

        // Whatever was subscribed on the way, in one call or in many, was given up.
        Assert.Equal(blueChi.Calls.Count(call => call.StartsWith("Subscribe", StringComparison.Ordinal)), blueChi.Calls.Count(call => call == "Unsubscribe"));
    }

    [Fact]
    [Trait("Requirement", "QMF-BLUECHI-003")]
    public async Task StartUnit_AgentIsSilent_IsNotSent()
    {
        _options.ProbeDeadline = TimeSpan.FromMilliseconds(50);
        await using var blueChi = await ScriptedBlueChi.StartAsync(_bus, "ecu1");
        var client = await _observer.NextConnectionAsync(_stop.Token);
        blueChi.OnNodeCall = _ => Task.Delay(Timeout.InfiniteTimeSpan, _stop.Token);

        var error = await Assert.ThrowsAsync<NodeOfflineException>(() => client.StartUnitAsync("ecu1", "silent.service", _stop.Token));

        Assert.Contains("given nothing to do", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("StartUnit", blueChi.Calls);
    }

    [Fact]
    [Trait("Requirement", "QMF-BLUECHI-003")]
    public async Task StartUnit_MergedJobThatNeverEnds_IsSettledByTheState()
    {
        _options.JobProbeInterval = TimeSpan.FromMilliseconds(20);
        await using var blueChi = await ScriptedBlueChi.StartAsync(_bus, "ecu1");
        var client = await _observer.NextConnectionAsync(_stop.Token);
        blueChi.OnNodeCall = call =>
        {
            blueChi.Units["a.service"] = new("active", 1);
            call.Reply(new BusValue.ObjectPath(ScriptedBlueChi.JobPath(1)));
            return Task.CompletedTask;
        };

        var outcome = await client.StartUnitAsync("ecu1", "a.service", _stop.Token);

        Assert.Equal((JobResult.Unknown, Settlement.CarriedOut), (outcome.Result, outcome.Settlement));
        Assert.Equal("active", outcome.State?.ActiveState);
    }

    [Fact]
    [Trait("Requirement", "QMF-BLUECHI-003")]
    public async Task StartUnit_CarriedOutAfterItWasGivenUp_IsReportedAndNotMistaken()
    {
        await using var blueChi = await ScriptedBlueChi.StartAsync(_bus, "ecu1");
        var client = await _observer.NextConnectionAsync(_stop.Token);
        blueChi.OnNodeCall = _ => throw new BusErrorException("org.freedesktop.DBus.Error.NoReply", "Method call timed out");

        var outcome = await client.StartUnitAsync("ecu1", "a.service", _stop.Token);
        blueChi.Units["a.service"] = new("active", 9);
        await client.GetUnitStateAsync("ecu1", "a.service", _stop.Token);

        Assert.Equal((JobResult.Unknown, Settlement.NotSeen), (outcome.Result, outcome.Settlement));
        await _observer.ToldAsync("late Start of a.service on ecu1 09090909090909090909090909090909", _stop.Token);
    }

    [Fact]
    [Trait("Requirement", "QMF-BLUECHI-005")]
    public async Task Job_CallerGivesUp_NextOperationStillWaitsForItsEnd()
    {
        await using var blueChi = await ScriptedBlueChi.StartAsync(_bus, "ecu1");
        var client = await _observer.NextConnectionAsync(_stop.Token);
        var id = 0u;
        blueChi.OnNodeCall = call =>
        {
            call.Reply(new BusValue.ObjectPath(ScriptedBlueChi.JobPath(++id)));
            return Task.CompletedTask;
        };
        using var impatient = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        var first = client.StartUnitAsync("ecu1", "a.service", impatient.Token);
        await blueChi.CalledAsync("StartUnit", _stop.Token);

        await impatient.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        var second = client.BeginJobAsync(JobType.Stop, "ecu1", "a.service", JobMode.Replace, _stop.Token);
        Assert.DoesNotContain("StopUnit", blueChi.Calls);
        blueChi.EmitJobRemoved(1, "ecu1", "a.service", "done");

        Assert.Equal(2u, (await second).Id);
    }

    [Theory]
    [Trait("Requirement", "QMF-BLUECHI-006")]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Signals_OneNodeFloods_IsLeftOutAndReadInstead_OthersAreHeard(bool withProperties)
    {
        (_options.FloodLimit, _options.FloodPause, _options.FloodResync) = (100, TimeSpan.FromMilliseconds(100), TimeSpan.FromMilliseconds(50));
        await using var blueChi = await ScriptedBlueChi.StartAsync(_bus, "loud", "calm");
        await _observer.NextConnectionAsync(_stop.Token);

        for (var signal = 0; signal < 1_000; signal++)
        {
            if (withProperties)
            {
                blueChi.EmitUnit("UnitPropertiesChanged", "loud", "a.service", Wire.SystemdUnit, BusValue.Properties([new("StatusText", $"{signal}")]));
            }
            else
            {
                blueChi.EmitUnit("UnitStateChanged", "loud", "a.service", "active", "running", "real");
            }
        }

        await _observer.ToldAsync("loud floods", _stop.Token);
        await _observer.ToldAsync("loud *   virtual", _stop.Token);
        blueChi.EmitUnit("UnitStateChanged", "calm", "a.service", "active", "running", "real");
        await _observer.ToldAsync("calm a.service active running real", _stop.Token);
        await _observer.ToldAsync("loud is calm", _stop.Token);
        Assert.Equal(["ListNodes", "CreateMonitor", "Subscribe", "Subscribe", "Unsubscribe", "Subscribe"], blueChi.Calls);
    }

    [Fact]
    [Trait("Requirement", "QMF-BLUECHI-004")]
    public async Task Reload_OfANode_HasTheWholeNodeLookedAt()
    {
        await using var blueChi = await ScriptedBlueChi.StartAsync(_bus, "ecu1");
        var client = await _observer.NextConnectionAsync(_stop.Token);
        blueChi.OnNodeCall = call =>
        {
            call.Reply();
            return Task.CompletedTask;
        };

        await client.ReloadAsync("ecu1", _stop.Token);

        await _observer.ToldAsync("ecu1 *   virtual", _stop.Token);
    }

    [Fact]
    [Trait("Requirement", "QMF-BLUECHI-004")]
    public async Task Resync_SignalsWereLost_FindsWhatTheyWouldHaveSaid()
    {
        _options.ResyncInterval = TimeSpan.FromMilliseconds(20);
        await using var blueChi = await ScriptedBlueChi.StartAsync(_bus, "ecu1", "ecu2");
        await _observer.NextConnectionAsync(_stop.Token);

        blueChi.Statuses["ecu1"] = "offline";

        await _observer.ToldAsync("ecu1=Offline", _stop.Token);
        await _observer.ToldAsync("ecu2 *   virtual", _stop.Token);
    }
}
