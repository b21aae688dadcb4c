using Xunit;

namespace Qm.Fleet.BlueChi.Tests.Conformance;

/// <content>Unit files: what is there, what is started at boot.</content>
public abstract partial class ConformanceCases
{
    [Fact]
    public async Task ListUnitFiles_Fragments_AreListedWithTheirState() =>
        Assert.Equal("static", (await BlueChi.ListUnitFilesAsync(First, Ct)).Single(file => file.Path.EndsWith('/' + SiteUnits.Simple)).State);

    [Fact]
    public async Task UnitFileState_KnownUnit_IsSystemdsWord() => Assert.Equal("static", await BlueChi.GetUnitFileStateAsync(First, SiteUnits.Simple, Ct));

    [Fact]
    public async Task UnitFileState_NoSuchUnit_IsUnknown() =>
        await Assert.ThrowsAsync<UnknownUnitException>(() => BlueChi.GetUnitFileStateAsync(First, "nosuch.service", Ct));

    [Fact]
    public async Task EnableAndDisable_UnitWithInstallSection_LinksAndUnlinksIt()
    {
        Assert.Equal("disabled", await BlueChi.GetUnitFileStateAsync(First, SiteUnits.Reloadable, Ct));

        var enabled = await BlueChi.EnableUnitFilesAsync(First, [SiteUnits.Reloadable], runtime: false, force: false, Ct);
        await BlueChi.ReloadAsync(First, Ct);
        var state = await BlueChi.GetUnitFileStateAsync(First, SiteUnits.Reloadable, Ct);
        var disabled = await BlueChi.DisableUnitFilesAsync(First, [SiteUnits.Reloadable], runtime: false, Ct);
        await BlueChi.ReloadAsync(First, Ct);

        const string Link = "/etc/systemd/system/multi-user.target.wants/" + SiteUnits.Reloadable;
        Assert.True(enabled.CarriesInstallInfo);
        Assert.Equal([new UnitFileChange("symlink", Link, "/etc/systemd/system/" + SiteUnits.Reloadable)], enabled.Changes);
        Assert.Equal("enabled", state);
        Assert.Equal([new UnitFileChange("unlink", Link, "")], disabled);
        Assert.Equal("disabled", await BlueChi.GetUnitFileStateAsync(First, SiteUnits.Reloadable, Ct));
    }

    [Fact]
    public async Task Enable_UntilTheNextBoot_IsSystemdsWordForThat()
    {
        await BlueChi.EnableUnitFilesAsync(First, [SiteUnits.Reloadable], runtime: true, force: false, Ct);
        await BlueChi.ReloadAsync(First, Ct);
        var state = await BlueChi.GetUnitFileStateAsync(First, SiteUnits.Reloadable, Ct);
        await BlueChi.DisableUnitFilesAsync(First, [SiteUnits.Reloadable], runtime: true, Ct);
        await BlueChi.ReloadAsync(First, Ct);

        Assert.Equal(("enabled-runtime", "disabled"), (state, await BlueChi.GetUnitFileStateAsync(First, SiteUnits.Reloadable, Ct)));
    }

    [Fact]
    public async Task Enable_UnitWithoutInstallSection_ChangesNothing()
    {
        var enabled = await BlueChi.EnableUnitFilesAsync(First, [SiteUnits.Simple], runtime: false, force: false, Ct);

        Assert.False(enabled.CarriesInstallInfo);
        Assert.Empty(enabled.Changes);
    }

    [Fact]
    public async Task Enable_NoSuchUnit_IsUnknown() =>
        await Assert.ThrowsAsync<UnknownUnitException>(() => BlueChi.EnableUnitFilesAsync(First, ["nosuch.service"], false, false, Ct));

    [Fact]
    public async Task DefaultTarget_Set_IsRead()
    {
        var before = await BlueChi.GetDefaultTargetAsync(First, Ct);

        await BlueChi.SetDefaultTargetAsync(First, "rescue.target", force: true, Ct);
        var set = await BlueChi.GetDefaultTargetAsync(First, Ct);
        await BlueChi.SetDefaultTargetAsync(First, before, force: true, Ct);

        Assert.Equal(("rescue.target", before), (set, await BlueChi.GetDefaultTargetAsync(First, Ct)));
    }

    [Fact]
    public async Task DefaultTarget_NoSuchTarget_IsUnknown() =>
        await Assert.ThrowsAsync<UnknownUnitException>(() => BlueChi.SetDefaultTargetAsync(First, "nosuch.target", force: true, Ct));
}
