using Xunit;

namespace Qm.Fleet.BlueChi.Tests.Conformance.Containers;

/// <summary>What <see cref="ContainerSite"/> promises and no case can see from outside, without which what the cases say of it means little.</summary>
public sealed class ContainerSiteTests(ContainerFixture fixture) : IClassFixture<ContainerFixture>, IAsyncLifetime
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    private readonly CancellationTokenSource _limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
    private SiteClient? _client;

    private ISite Site => fixture.Site;

    private CancellationToken Ct => _limit.Token;

    private SignalLog Told => _client!.Told;

    public async ValueTask InitializeAsync()
    {
        var site = Site;
        _limit.CancelAfter(Limit);
        _client = new SiteClient(site, Ct);
        await _client.BlueChiAsync(Ct);
    }

    public async ValueTask DisposeAsync()
    {
        if (_client is not null)
        {
            await _client.DisposeAsync();
        }

        _limit.Dispose();
    }

    [Fact]
    public async Task Agents_FrozenOrCut_AreLostAndTheSameProcessesComeBack()
    {
        foreach (var node in new[] { Site.Nodes.First, Site.Nodes.Second })
        {
            var process = await Site.AskSystemdAsync(node, "bluechi-agent.service", "MainPID", Ct);
            await Site.SetFrozenAsync(node, frozen: true, Ct);
            await Told.UntilAsync($"{node} Offline");
            await Site.SetFrozenAsync(node, frozen: false, Ct);
            await Told.UntilAsync($"{node} Online");

            await Site.CutAsync(node, Ct);
            await Told.UntilAsync($"{node} Offline");
            await Site.HealAsync(node, Ct);
            await Told.UntilAsync($"{node} Online");

            Assert.Equal(process, await Site.AskSystemdAsync(node, "bluechi-agent.service", "MainPID", Ct));
        }
    }

    [Fact]
    public async Task Agents_StoppedAndStarted_AreOtherProcessesAndUnitsRunOn()
    {
        var blueChi = await _client!.BlueChiAsync(Ct);
        foreach (var node in new[] { Site.Nodes.First, Site.Nodes.Second })
        {
            await blueChi.StartUnitAsync(node, SiteUnits.Simple, Ct);
            var agent = await Site.AskSystemdAsync(node, "bluechi-agent.service", "MainPID", Ct);
            var unit = await Site.AskSystemdAsync(node, SiteUnits.Simple, "MainPID", Ct);

            await Site.StopAgentAsync(node, Ct);
            await Told.UntilAsync($"{node} Offline");
            await Site.StartAgentAsync(node, Ct);
            await Told.UntilAsync($"{node} Online");

            Assert.NotEqual(agent, await Site.AskSystemdAsync(node, "bluechi-agent.service", "MainPID", Ct));
            Assert.Equal(unit, await Site.AskSystemdAsync(node, SiteUnits.Simple, "MainPID", Ct));
        }
    }

    [Fact]
    public async Task Flood_OfARunningUnit_IsReadBySystemdToTheLast()
    {
        await (await _client!.BlueChiAsync(Ct)).StartUnitAsync(Site.Nodes.Second, SiteUnits.Simple, Ct);

        await Site.FloodAsync(Site.Nodes.Second, SiteUnits.Simple, 500, Ct);

        Assert.Equal("flood 500", await Site.AskSystemdAsync(Site.Nodes.Second, SiteUnits.Simple, "StatusText", Ct));
    }
}
