using Microsoft.Extensions.Logging.Abstractions;
using Qm.Fleet.BlueChi.Jobs;
using Qm.Fleet.BlueChi.Session;
using Xunit;

namespace Qm.Fleet.BlueChi.Tests.Conformance.Containers;

/// <summary>What <see cref="ContainerSite"/> promises, without which no case on it means anything.</summary>
public sealed class ContainerSiteTests : IAsyncLifetime
{
    // A machine's first site makes the image.
    private static readonly TimeSpan StartDeadline = TimeSpan.FromMinutes(6);
    private static readonly TimeSpan CaseDeadline = TimeSpan.FromMinutes(2);

    private readonly CancellationTokenSource _stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
    private readonly RecordingObserver _observer = new();
    private ContainerSite? _site;
    private Task _session = Task.CompletedTask;

    private ContainerSite Site => _site ?? throw new InvalidOperationException("The site was not started");

    public async ValueTask InitializeAsync()
    {
        _stop.CancelAfter(StartDeadline);
        if (await ContainerSite.FindObstacleAsync(_stop.Token) is { } obstacle)
        {
            Assert.Skip(obstacle);
        }

        _site = await ContainerSite.StartAsync(_stop.Token);
        _stop.CancelAfter(CaseDeadline);
        _session = new BlueChiSession(
            new() { Address = Site.BusAddress, ReconnectMax = TimeSpan.FromSeconds(1) }, _observer, TimeProvider.System, () => 0, NullLogger<BlueChiSession>.Instance).RunAsync(_stop.Token);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _session;
        if (_site is not null)
        {
            await _site.DisposeAsync();
        }

        _stop.Dispose();
    }

    [Fact]
    public async Task Units_AreStartedThroughBlueChi_SystemdAgrees()
    {
        var blueChi = await _observer.NextConnectionAsync(_stop.Token);
        var nodes = await blueChi.ListNodesAsync(_stop.Token);

        Assert.Equal(
            [(Site.Absent, NodeStatus.Offline), (Site.Nodes.First, NodeStatus.Online), (Site.Nodes.Second, NodeStatus.Online)],
            nodes.Select(node => (node.Name, node.Status)).Order());
        foreach (var node in new[] { Site.Nodes.First, Site.Nodes.Second })
        {
            Assert.Equal("inactive", await Site.AskSystemdAsync(node, SiteUnits.Simple, "ActiveState", _stop.Token));
            Assert.Equal(new JobOutcome(JobResult.Done, "done"), await blueChi.StartUnitAsync(node, SiteUnits.Simple, _stop.Token));
            Assert.Equal("active", await Site.AskSystemdAsync(node, SiteUnits.Simple, "ActiveState", _stop.Token));
            Assert.Equal(JobResult.Failed, (await blueChi.StartUnitAsync(node, SiteUnits.Failing, _stop.Token)).Result);
            Assert.Equal("failed", await Site.AskSystemdAsync(node, SiteUnits.Failing, "ActiveState", _stop.Token));
        }
    }

    [Fact]
    public async Task Agents_AreStoppedFrozenAndCut_BlueChiLosesThemAndFindsThemAgain()
    {
        foreach (var node in new[] { Site.Nodes.First, Site.Nodes.Second })
        {
            await Site.StopAgentAsync(node, _stop.Token);
            await _observer.ToldAsync($"{node}=Offline", _stop.Token);
            await Site.StartAgentAsync(node, _stop.Token);
            await _observer.ToldAsync($"{node}=Online", _stop.Token);

            await Site.SetFrozenAsync(node, frozen: true, _stop.Token);
            await _observer.ToldAsync($"{node}=Offline", _stop.Token);
            await Site.SetFrozenAsync(node, frozen: false, _stop.Token);
            await _observer.ToldAsync($"{node}=Online", _stop.Token);

            var process = await Site.AskSystemdAsync(node, "bluechi-agent.service", "MainPID", _stop.Token);
            await Site.CutAsync(node, _stop.Token);
            await _observer.ToldAsync($"{node}=Offline", _stop.Token);
            await Site.HealAsync(node, _stop.Token);
            await _observer.ToldAsync($"{node}=Online", _stop.Token);
            Assert.Equal(process, await Site.AskSystemdAsync(node, "bluechi-agent.service", "MainPID", _stop.Token));
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Controller_IsStoppedAndStarted_AgentsComeBack(bool clean)
    {
        await _observer.NextConnectionAsync(_stop.Token);

        await Site.StopControllerAsync(clean, _stop.Token);
        await _observer.ToldAsync("disconnected", _stop.Token);
        await Site.StartControllerAsync(_stop.Token);
        var blueChi = await _observer.NextConnectionAsync(_stop.Token);

        foreach (var node in new[] { Site.Nodes.First, Site.Nodes.Second })
        {
            if ((await blueChi.GetNodeAsync(node, _stop.Token)).Status is not NodeStatus.Online)
            {
                await _observer.ToldAsync($"{node}=Online", _stop.Token);
            }

            Assert.Equal("loaded", (await blueChi.GetUnitStateAsync(node, SiteUnits.Simple, _stop.Token)).LoadState);
        }
    }

    [Fact]
    public async Task Units_AreWritten_SystemdReadsThemAtTheNextReload()
    {
        const string Unit = "written.service";
        var blueChi = await _observer.NextConnectionAsync(_stop.Token);
        await Site.WriteUnitAsync(Site.Nodes.Second, Unit, "[Service]\nExecStart=/bin/sleep infinity\n", _stop.Token);
        await blueChi.ReloadAsync(Site.Nodes.Second, _stop.Token);

        Assert.Equal(JobResult.Done, (await blueChi.StartUnitAsync(Site.Nodes.Second, Unit, _stop.Token)).Result);
        Assert.Equal("active", await Site.AskSystemdAsync(Site.Nodes.Second, Unit, "ActiveState", _stop.Token));
        Assert.Equal("not-found", await Site.AskSystemdAsync(Site.Nodes.First, Unit, "LoadState", _stop.Token));
    }

    [Fact]
    public async Task Flood_OfARunningUnit_ArrivesAtAMonitor()
    {
        const int Signals = 500;
        var enough = new TaskCompletionSource();
        var told = 0;
        var blueChi = await _observer.NextConnectionAsync(_stop.Token);
        await blueChi.StartUnitAsync(Site.Nodes.Second, SiteUnits.Simple, _stop.Token);
        await using var monitor = await blueChi.CreateMonitorAsync(
            _ =>
            {
                if (Interlocked.Increment(ref told) == Signals)
                {
                    enough.SetResult();
                }
            },
            _stop.Token);
        await monitor.SubscribeAsync(Site.Nodes.Second, [SiteUnits.Simple], _stop.Token);

        await Site.FloodAsync(Site.Nodes.Second, SiteUnits.Simple, Signals, _stop.Token);

        await enough.Task.WaitAsync(_stop.Token);
        Assert.Equal($"flood {Signals}", await Site.AskSystemdAsync(Site.Nodes.Second, SiteUnits.Simple, "StatusText", _stop.Token));
    }
}
