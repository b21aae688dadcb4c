using Xunit;

namespace Qm.Fleet.BlueChi.Tests.Conformance;

/// <content>Times of jobs, measured while somebody wants them.</content>
public abstract partial class ConformanceCases
{
    [Fact]
    public async Task Metrics_Enabled_AreToldOfTheStartsFromThenOn()
    {
        var log = new SignalLog(Ct);
        await using var listening = await BlueChi.ListenToMetricsAsync(metrics => log.Add(Line(metrics)), Ct);
        await StartedAsync(First, SiteUnits.Oneshot);

        await BlueChi.EnableMetricsAsync(Ct);
        IReadOnlyList<string> seen;
        try
        {
            await StartedAsync(Second, SiteUnits.Simple);
            // The agent's comes first, the controller asks two questions before its own.
            seen = [.. await log.UntilAsync($"agent {Second} {SiteUnits.Simple} StartUnit"), .. await log.UntilAsync($"controller {Second} {SiteUnits.Simple}")];
        }
        finally
        {
            await BlueChi.DisableMetricsAsync(Ct);
        }

        Assert.DoesNotContain(seen, line => line.Contains(SiteUnits.Oneshot, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Metrics_OnlyTheAgentsAreTold_OfOtherJobs()
    {
        var log = new SignalLog(Ct);
        await using var listening = await BlueChi.ListenToMetricsAsync(metrics => log.Add(Line(metrics)), Ct);
        await StartedAsync(First, SiteUnits.Simple);

        await BlueChi.EnableMetricsAsync(Ct);
        try
        {
            await BlueChi.StopUnitAsync(First, SiteUnits.Simple, Ct);
            Assert.Equal([$"agent {First} {SiteUnits.Simple} StopUnit"], await log.UntilAsync($"agent {First} {SiteUnits.Simple} StopUnit"));
        }
        finally
        {
            await BlueChi.DisableMetricsAsync(Ct);
        }
    }

    [Fact]
    public async Task Metrics_OnOrOffAlready_IsRefused()
    {
        var off = await Assert.ThrowsAsync<RefusedException>(() => BlueChi.DisableMetricsAsync(Ct));
        await BlueChi.EnableMetricsAsync(Ct);
        var on = await Assert.ThrowsAsync<RefusedException>(() => BlueChi.EnableMetricsAsync(Ct));
        await BlueChi.DisableMetricsAsync(Ct);

        Assert.Equal(("org.freedesktop.DBus.Error.InconsistentMessage", off.ErrorName), (on.ErrorName, off.ErrorName));
    }

    private static string Line(JobMetrics metrics) => metrics switch
    {
        AgentJobMetrics agent => $"agent {agent.Node} {agent.Unit} {agent.Method}",
        StartUnitJobMetrics start => $"controller {start.Node} {start.Unit}",
        _ => throw new ArgumentOutOfRangeException(nameof(metrics), metrics, "metrics without a line"),
    };
}
