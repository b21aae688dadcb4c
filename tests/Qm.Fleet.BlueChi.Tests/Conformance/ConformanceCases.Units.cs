using Xunit;

namespace Qm.Fleet.BlueChi.Tests.Conformance;

/// <content>Units and their properties.</content>
public abstract partial class ConformanceCases
{
    private const string UnitInterface = "org.freedesktop.systemd1.Unit";
    private const string ServiceInterface = "org.freedesktop.systemd1.Service";

    [Fact]
    public async Task State_NoSuchUnit_IsReadAsNotFound()
    {
        var state = await StateAsync(First, "nosuch.service");

        Assert.Equal(("not-found", "inactive", ""), (state.LoadState, state.ActiveState, state.InvocationId));
    }

    [Fact]
    public async Task State_Running_AgreesWithSystemd()
    {
        await StartedAsync(First, SiteUnits.Simple);

        var state = await StateAsync(First, SiteUnits.Simple);

        Assert.Equal(("loaded", "active", "running", 0u), (state.LoadState, state.ActiveState, state.SubState, state.JobId));
        Assert.Equal(await Site.AskSystemdAsync(First, SiteUnits.Simple, "SubState", Ct), state.SubState);
        Assert.NotNull(state.InactiveExit);
        Assert.NotNull(state.ActiveEnter);
    }

    [Fact]
    public async Task Property_OfEachType_IsDecoded()
    {
        var description = await BlueChi.GetUnitPropertyAsync(First, SiteUnits.Simple, UnitInterface, "Description", Ct);
        var type = await BlueChi.GetUnitPropertyAsync(First, SiteUnits.Simple, ServiceInterface, "Type", Ct);
        var score = await BlueChi.GetUnitPropertyAsync(First, SiteUnits.Simple, ServiceInterface, "OOMScoreAdjust", Ct);
        var weight = await BlueChi.GetUnitPropertyAsync(First, SiteUnits.Simple, ServiceInterface, "CPUWeight", Ct);

        Assert.True(description.TryGetString(out var text) && text == "Runs until stopped");
        Assert.True(type.TryGetString(out text) && text == "simple");
        var remains = await BlueChi.GetUnitPropertyAsync(First, SiteUnits.Simple, ServiceInterface, "RemainAfterExit", Ct);
        Assert.Equal(("i", "t", "b"), (score.Signature, weight.Signature, remains.Signature));
        Assert.True(score.TryGetInt64(out var number) && number == 0);
    }

    [Fact]
    public async Task Property_NoSuchOne_IsRefused()
    {
        var error = await Assert.ThrowsAsync<RefusedException>(() => BlueChi.GetUnitPropertyAsync(First, SiteUnits.Simple, UnitInterface, "NoSuch", Ct));

        Assert.Equal("org.freedesktop.DBus.Error.UnknownProperty", error.ErrorName);
    }

    [Fact]
    public async Task Properties_OfOneInterface_AreItsOwn()
    {
        var unit = await BlueChi.GetUnitPropertiesAsync(First, SiteUnits.Simple, UnitInterface, Ct);
        var service = await BlueChi.GetUnitPropertiesAsync(First, SiteUnits.Simple, ServiceInterface, Ct);
        var all = await BlueChi.GetUnitPropertiesAsync(First, SiteUnits.Simple, "", Ct);

        Assert.Contains("ActiveState", unit.Keys);
        Assert.DoesNotContain("MainPID", unit.Keys);
        Assert.Contains("MainPID", service.Keys);
        Assert.Superset(unit.Keys.Concat(service.Keys).ToHashSet(), all.Keys.ToHashSet());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task SetProperties_LimitOfARunningUnit_IsSaidBySystemd(bool runtime)
    {
        await StartedAsync(First, SiteUnits.Simple);
        const ulong Limit = 512UL << 20;

        await BlueChi.SetUnitPropertiesAsync(First, SiteUnits.Simple, runtime, [new("MemoryHigh", PropertyValue.From(Limit))], Ct);
        var set = await BlueChi.GetUnitPropertyAsync(First, SiteUnits.Simple, ServiceInterface, "MemoryHigh", Ct);
        await BlueChi.SetUnitPropertiesAsync(First, SiteUnits.Simple, runtime, [new("MemoryHigh", PropertyValue.From(ulong.MaxValue))], Ct);
        var lifted = await BlueChi.GetUnitPropertyAsync(First, SiteUnits.Simple, ServiceInterface, "MemoryHigh", Ct);

        Assert.True(set.TryGetUInt64(out var number) && number == Limit);
        Assert.True(lifted.TryGetUInt64(out number) && number == ulong.MaxValue);
    }

    [Fact]
    public async Task SetProperties_Description_IsSaidBySystemd()
    {
        await StartedAsync(First, SiteUnits.Simple);

        await BlueChi.SetUnitPropertiesAsync(First, SiteUnits.Simple, true, [new("Description", PropertyValue.From("Another"))], Ct);

        var set = await BlueChi.GetUnitPropertyAsync(First, SiteUnits.Simple, UnitInterface, "Description", Ct);
        await BlueChi.SetUnitPropertiesAsync(First, SiteUnits.Simple, true, [new("Description", PropertyValue.From("Runs until stopped"))], Ct);
        Assert.True(set.TryGetString(out var text) && text == "Another");
    }

    [Fact]
    public async Task SetProperties_OneThatMayNotBeSet_IsRefused()
    {
        await StartedAsync(First, SiteUnits.Simple);

        await Assert.ThrowsAsync<RefusedException>(() =>
            BlueChi.SetUnitPropertiesAsync(First, SiteUnits.Simple, true, [new("OOMScoreAdjust", PropertyValue.From(100))], Ct));
    }

    [Fact]
    public async Task SetProperties_WrongType_IsRefused()
    {
        await StartedAsync(First, SiteUnits.Simple);

        await Assert.ThrowsAsync<RefusedException>(() =>
            BlueChi.SetUnitPropertiesAsync(First, SiteUnits.Simple, true, [new("MemoryHigh", PropertyValue.From("much"))], Ct));
    }

    [Fact]
    public async Task SetProperties_NoSuchUnit_IsUnknownThoughSystemdTakesIt() => await Assert.ThrowsAsync<UnknownUnitException>(() =>
        BlueChi.SetUnitPropertiesAsync(First, "nosuch.service", true, [new("MemoryHigh", PropertyValue.From(1UL << 30))], Ct));

    [Fact]
    public async Task ListUnits_Running_IsListedAsItIs()
    {
        await StartedAsync(First, SiteUnits.Simple);

        var unit = (await BlueChi.ListUnitsAsync(First, Ct)).Single(unit => unit.Name == SiteUnits.Simple);

        Assert.Equal(new UnitInfo(SiteUnits.Simple, "Runs until stopped", "loaded", "active", "running"), unit);
    }

    [Fact]
    public async Task Kill_MainProcess_EndsTheUnitBySignal()
    {
        await StartedAsync(First, SiteUnits.Simple);

        await BlueChi.KillUnitAsync(First, SiteUnits.Simple, KillWhom.Main, 9, Ct);

        Assert.Equal("signal", (await UntilAsync(First, SiteUnits.Simple, state => state.ActiveState == "failed")).Result);
    }

    [Fact]
    public async Task Kill_ControlProcessThatIsNot_IsRefused()
    {
        await StartedAsync(First, SiteUnits.Simple);

        await Assert.ThrowsAsync<RefusedException>(() => BlueChi.KillUnitAsync(First, SiteUnits.Simple, KillWhom.Control, 15, Ct));
    }

    [Fact]
    public async Task Kill_NoSignal_IsRefused()
    {
        await StartedAsync(First, SiteUnits.Simple);

        await Assert.ThrowsAsync<RefusedException>(() => BlueChi.KillUnitAsync(First, SiteUnits.Simple, KillWhom.Main, 4711, Ct));
    }

    [Fact]
    public async Task Kill_NoSuchUnit_IsUnknown() =>
        await Assert.ThrowsAsync<UnknownUnitException>(() => BlueChi.KillUnitAsync(First, "nosuch.service", KillWhom.All, 9, Ct));

    [Fact]
    public async Task Freeze_AndThaw_AreSeenInTheFreezerState()
    {
        await StartedAsync(First, SiteUnits.Simple);
        try
        {
            await BlueChi.FreezeUnitAsync(First, SiteUnits.Simple, Ct);
        }
        catch (RefusedException e) when (e.ErrorName == "org.freedesktop.DBus.Error.NotSupported")
        {
            Assert.Skip($"systemd on {Site.Name} cannot freeze: {e.Message}");
        }

        var frozen = await BlueChi.GetUnitPropertyAsync(First, SiteUnits.Simple, UnitInterface, "FreezerState", Ct);
        await BlueChi.ThawUnitAsync(First, SiteUnits.Simple, Ct);
        var thawed = await BlueChi.GetUnitPropertyAsync(First, SiteUnits.Simple, UnitInterface, "FreezerState", Ct);

        Assert.True(frozen.TryGetString(out var text) && text == "frozen");
        Assert.True(thawed.TryGetString(out text) && text == "running");
    }

    [Fact]
    public async Task ResetFailedUnit_Failed_IsInactive()
    {
        await BlueChi.StartUnitAsync(First, SiteUnits.Failing, Ct);

        await BlueChi.ResetFailedUnitAsync(First, SiteUnits.Failing, Ct);

        Assert.Equal("inactive", (await StateAsync(First, SiteUnits.Failing)).ActiveState);
    }

    [Fact]
    public async Task ResetFailed_EveryUnitOfOneNode_IsInactive()
    {
        await BlueChi.StartUnitAsync(First, SiteUnits.Failing, Ct);
        await BlueChi.StartUnitAsync(Second, SiteUnits.Failing, Ct);

        await BlueChi.ResetFailedAsync(First, Ct);

        Assert.Equal(
            ("inactive", "failed"), ((await StateAsync(First, SiteUnits.Failing)).ActiveState, (await StateAsync(Second, SiteUnits.Failing)).ActiveState));
    }

    [Fact]
    public async Task ResetFailedUnit_NoSuchUnit_IsUnknown() =>
        await Assert.ThrowsAsync<UnknownUnitException>(() => BlueChi.ResetFailedUnitAsync(First, "nosuch.service", Ct));

    [Fact]
    public async Task Reload_FileChanged_IsReadAnewAndTheUnitRunsOn()
    {
        const string Unit = "conformance-written.service";
        await Site.WriteUnitAsync(First, Unit, "[Unit]\nDescription=One\n[Service]\nExecStart=/bin/sleep infinity\n", Ct);
        await BlueChi.ReloadAsync(First, Ct);
        await StartedAsync(First, Unit);
        var before = await StateAsync(First, Unit);

        await Site.WriteUnitAsync(First, Unit, "[Unit]\nDescription=Two\n[Service]\nExecStart=/bin/sleep infinity\n", Ct);
        await BlueChi.ReloadAsync(First, Ct);
        var description = await BlueChi.GetUnitPropertyAsync(First, Unit, UnitInterface, "Description", Ct);
        var after = await StateAsync(First, Unit);
        await BlueChi.StopUnitAsync(First, Unit, Ct);

        Assert.True(description.TryGetString(out var text) && text == "Two");
        Assert.Equal(before, after);
    }
}
