using Qm.Fleet.BlueChi.Jobs;
using Qm.Fleet.BlueChi.Monitors;
using Xunit;

namespace Qm.Fleet.BlueChi.Tests.Conformance;

/// <summary>
/// What BlueChi is seen to do, each case once, for every site it is run on. A case begins with the agents of both nodes connected and the site's units
/// down; numbers in names are of nothing, texts in messages are not compared.
/// </summary>
[Trait("Requirement", "QMF-BLUECHI-008")]
public abstract partial class ConformanceCases(SiteFixture fixture) : IAsyncLifetime
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(90);

    private readonly CancellationTokenSource _limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
    private SiteClient? _client;

    private ISite Site { get; set; } = null!;

    private IBlueChi BlueChi { get; set; } = null!;

    private SignalLog Told => _client!.Told;

    private string First => Site.Nodes.First;

    private string Second => Site.Nodes.Second;

    private CancellationToken Ct => _limit.Token;

    public async ValueTask InitializeAsync()
    {
        Site = fixture.Site;
        _limit.CancelAfter(Limit);
        _client = new SiteClient(Site, Ct);
        BlueChi = await _client.BlueChiAsync(Ct);
        await OnlineAsync(First);
        await OnlineAsync(Second);
    }

    public async ValueTask DisposeAsync()
    {
        if (_client is not null)
        {
            BlueChi = await _client.BlueChiAsync(Ct);
            foreach (var node in new[] { First, Second })
            {
                await OnlineAsync(node);
                foreach (var unit in SiteUnits.Files.Keys)
                {
                    if ((await BlueChi.GetUnitStateAsync(node, unit, Ct)).ActiveState != "inactive")
                    {
                        await BlueChi.StopUnitAsync(node, unit, Ct);
                    }
                }

                await BlueChi.ResetFailedAsync(node, Ct);
            }

            await _client.DisposeAsync();
        }

        _limit.Dispose();
        GC.SuppressFinalize(this);
    }

    private async Task OnlineAsync(string node)
    {
        while ((await BlueChi.GetNodeAsync(node, Ct)).Status != NodeStatus.Online)
        {
            await Told.UntilAsync($"{node} {NodeStatus.Online}");
        }
    }

    private async Task<UnitState> StateAsync(string node, string unit) => await BlueChi.GetUnitStateAsync(node, unit, Ct);

    /// <summary>Waits until a unit has a state, by reading it again; systemd tells nobody of all changes in time.</summary>
    private async Task<UnitState> UntilAsync(string node, string unit, Func<UnitState, bool> condition)
    {
        using var pace = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        while (true)
        {
            var state = await StateAsync(node, unit);
            if (condition(state))
            {
                return state;
            }

            await pace.WaitForNextTickAsync(Ct);
        }
    }

    private async Task StartedAsync(string node, string unit)
    {
        var outcome = await BlueChi.StartUnitAsync(node, unit, Ct);
        Assert.Equal(JobResult.Done, outcome.Result);
    }

    /// <summary>A monitor, and what it tells as lines: new UNIT real, state UNIT active running real, properties UNIT, removed UNIT virtual.</summary>
    private async Task<(IMonitor Monitor, SignalLog Log)> MonitorAsync(params (string Node, string Unit)[] units)
    {
        var log = new SignalLog(Ct);
        var monitor = await BlueChi.CreateMonitorAsync(signal => log.Add(Line(signal)), Ct);
        foreach (var (node, unit) in units)
        {
            await monitor.SubscribeAsync(node, [unit], Ct);
        }

        return (monitor, log);
    }

    private static string Line(MonitorSignal signal) => signal switch
    {
        UnitNew told => $"{told.Node} {told.Unit} new {Reason(told.IsVirtual)}",
        UnitRemoved told => $"{told.Node} {told.Unit} removed {Reason(told.IsVirtual)}",
        UnitStateChanged told => $"{told.Node} {told.Unit} {told.ActiveState} {told.SubState} {Reason(told.IsVirtual)}",
        UnitPropertiesChanged told => $"{told.Node} {told.Unit} properties",
        PeerRemoved told => $"peer removed {told.Reason}",
        _ => throw new ArgumentOutOfRangeException(nameof(signal), signal, "a signal without a line"),
    };

    private static string Reason(bool isVirtual) => isVirtual ? "virtual" : "real";
}
