using Qm.Fleet.BlueChi.Jobs;
using Xunit;

namespace Qm.Fleet.BlueChi.Tests.Conformance;

/// <content>Units without a file, which BlueChi passes on without following them.</content>
public abstract partial class ConformanceCases
{
    private const string Transient = "conformance-transient.service";

    [Fact]
    public async Task Transient_CommandEnds_ComesAndGoes()
    {
        var (monitor, log) = await MonitorAsync((First, Transient));
        await using var _ = monitor;

        Assert.NotEqual(0u, await StartTransientAsync("/bin/true"));

        await log.UntilAsync($"{First} {Transient} new real");
        await log.UntilAsync($"{First} {Transient} removed real");
        Assert.Equal("not-found", (await StateAsync(First, Transient)).LoadState);
    }

    [Fact]
    public async Task Transient_CommandRunsOn_IsStoppedLikeAnyUnitAndIsGone()
    {
        await StartTransientAsync("/bin/sleep", "infinity");
        var running = await UntilAsync(First, Transient, state => state.ActiveState == "active");
        var description = await BlueChi.GetUnitPropertyAsync(First, Transient, UnitInterface, "Description", Ct);

        Assert.Equal(JobResult.Done, (await BlueChi.StopUnitAsync(First, Transient, Ct)).Result);
        await UntilAsync(First, Transient, state => state.LoadState == "not-found");

        Assert.Equal(("loaded", 32), (running.LoadState, running.InvocationId.Length));
        Assert.True(description.TryGetString(out var text) && text == "Of the suite");
    }

    [Fact]
    public async Task Transient_CommandFails_StaysUntilThatIsForgotten()
    {
        await StartTransientAsync("/bin/false");
        var failed = await UntilAsync(First, Transient, state => state.ActiveState == "failed");
        await BlueChi.ResetFailedUnitAsync(First, Transient, Ct);
        await UntilAsync(First, Transient, state => state.LoadState == "not-found");

        Assert.Equal(("loaded", "exit-code"), (failed.LoadState, failed.Result));
    }

    [Fact]
    public async Task Transient_UnitExists_IsRefused()
    {
        await StartedAsync(First, SiteUnits.Simple);

        var error = await Assert.ThrowsAsync<RefusedException>(() => StartTransientAsync(SiteUnits.Simple, "/bin/true"));
        Assert.Equal("org.freedesktop.systemd1.UnitExists", error.ErrorName);

        Task<uint> StartTransientAsync(string unit, string command) => BlueChi.StartTransientUnitAsync(
            First, unit, JobMode.Replace, [new("ExecStart", PropertyValue.From(new ExecCommand(command, [command])))], Ct);
    }

    private Task<uint> StartTransientAsync(params string[] command) => BlueChi.StartTransientUnitAsync(
        First, Transient, JobMode.Replace,
        [new("Description", PropertyValue.From("Of the suite")), new("ExecStart", PropertyValue.From(new ExecCommand(command[0], command)))], Ct);
}
