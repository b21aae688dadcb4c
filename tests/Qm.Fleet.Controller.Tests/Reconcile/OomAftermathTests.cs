using Microsoft.Extensions.Time.Testing;
using Qm.Fleet.Controller.Reconcile;
using Qm.Fleet.Core.OutOfMemory;

namespace Qm.Fleet.Controller.Tests.Reconcile;

/// <summary>A kill for memory and the restart that follows it come over two ways, and each may be the slower one.</summary>
[Trait("Requirement", "QMF-OOM-001")]
public sealed class OomAftermathTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly OomAftermath _aftermath;

    public OomAftermathTests()
    {
        _aftermath = new(_time);
        Assert.Empty(Look(restarts: 0));
    }

    [Fact]
    public void Restart_SeenAfterItsKillWasTold_IsToldOnceWithHowLongItTook()
    {
        Assert.Empty(Killed());
        _time.Advance(TimeSpan.FromSeconds(3));

        Assert.Equal("radio.service was restarted by systemd after the kill for memory, and seen active again after 3.0 s", Assert.Single(Look(restarts: 1)));
        Assert.Empty(Look(restarts: 1));
    }

    [Fact]
    public void Restart_SeenWhileItsKillWasUnderWay_IsTold()
    {
        Assert.Empty(Look(restarts: 1));
        _time.Advance(TimeSpan.FromSeconds(2));

        // The node says "just now", and does not know how long that takes to be heard.
        Assert.Single(Killed());
        Assert.Empty(Look(restarts: 1));
    }

    [Fact]
    public void Restart_ThatWasLongBeforeAKill_IsNotOfThat()
    {
        Assert.Empty(Look(restarts: 1));
        _time.Advance(TimeSpan.FromMinutes(1));

        Assert.Empty(Killed());
    }

    [Fact]
    public void Restart_ThatSomebodyAskedFor_IsNotOfAKill()
    {
        Assert.Empty(Killed());

        Assert.Empty(Look(restarts: 0, invocation: 'f'));
    }

    private string[] Killed() => [.. _aftermath.Killed(
        new() { Record = "1", Place = OomPlace.Nested, Unit = "radio.service", Comm = "radio", Pid = 7, Killed = 1 }, _time.GetUtcNow(), "ecu1", "cockpit").Select(static told => told.Message)];

    private string[] Look(int restarts, char? invocation = null) => [.. _aftermath.Looked(
        "ecu1", "cockpit", [new("radio.service", new("loaded", "active", "running", "success", new(invocation ?? (char)('a' + restarts), 32), 1, null, 0) { Restarts = restarts })]).Select(static told => told.Message)];
}
