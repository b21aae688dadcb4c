using Xunit;

namespace Qm.Fleet.BlueChi.Tests.Conformance.Containers;

/// <summary>What <see cref="ContainerSite"/> promises and no case can see from outside, without which what the cases say of it means little.</summary>
public sealed class ContainerSiteTests(ContainerFixture fixture) : IClassFixture<ContainerFixture>, IAsyncLifetime
{
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(1);

    private readonly CancellationTokenSource _end = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
    private SiteClient? _client;

    private SiteClient Client => _client ?? throw new InvalidOperationException("The client was not connected");

    private ISite Site => fixture.Site;

    public async ValueTask InitializeAsync()
    {
        _end.CancelAfter(Deadline);
        _client = await SiteClient.ConnectAsync(Site, _end.Token);
        await Client.OnlineAsync(Site.Nodes.First, _end.Token);
        await Client.OnlineAsync(Site.Nodes.Second, _end.Token);
    }

    public async ValueTask DisposeAsync()
    {
        if (_client is not null)
        {
            await _client.DisposeAsync();
        }

        _end.Dispose();
    }

    [Case]
    public async Task Agents_FrozenOrCut_AreLostAndTheSameProcessesComeBack()
    {
        foreach (var node in new[] { Site.Nodes.First, Site.Nodes.Second })
        {
            var process = await Site.AskSystemdAsync(node, "bluechi-agent.service", "MainPID", _end.Token);
            await Site.SetFrozenAsync(node, frozen: true, _end.Token);
            await Client.OfflineAsync(node, _end.Token);
            await Site.SetFrozenAsync(node, frozen: false, _end.Token);
            await Client.OnlineAsync(node, _end.Token);

            await Site.CutAsync(node, _end.Token);
            await Client.OfflineAsync(node, _end.Token);
            await Site.HealAsync(node, _end.Token);
            await Client.OnlineAsync(node, _end.Token);

            Assert.Equal(process, await Site.AskSystemdAsync(node, "bluechi-agent.service", "MainPID", _end.Token));
        }
    }

    [Case]
    public async Task Agents_StoppedAndStarted_AreOtherProcessesAndUnitsRunOn()
    {
        foreach (var node in new[] { Site.Nodes.First, Site.Nodes.Second })
        {
            await Client.BlueChi.StartUnitAsync(node, SiteUnits.Simple, _end.Token);
            var agent = await Site.AskSystemdAsync(node, "bluechi-agent.service", "MainPID", _end.Token);
            var unit = await Site.AskSystemdAsync(node, SiteUnits.Simple, "MainPID", _end.Token);

            await Site.StopAgentAsync(node, _end.Token);
            await Client.OfflineAsync(node, _end.Token);
            await Site.StartAgentAsync(node, _end.Token);
            await Client.OnlineAsync(node, _end.Token);

            Assert.NotEqual(agent, await Site.AskSystemdAsync(node, "bluechi-agent.service", "MainPID", _end.Token));
            Assert.Equal(unit, await Site.AskSystemdAsync(node, SiteUnits.Simple, "MainPID", _end.Token));
        }
    }

    [Case]
    public async Task Flood_OfARunningUnit_IsReadBySystemdToTheLast()
    {
        await Client.BlueChi.StartUnitAsync(Site.Nodes.Second, SiteUnits.Simple, _end.Token);

        await Site.FloodAsync(Site.Nodes.Second, SiteUnits.Simple, 500, _end.Token);

        Assert.Equal("flood 500", await Site.AskSystemdAsync(Site.Nodes.Second, SiteUnits.Simple, "StatusText", _end.Token));
    }
}
