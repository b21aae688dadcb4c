using Xunit;

namespace Qm.Fleet.BlueChi.Tests.Conformance;

/// <summary>
/// What a client can rely on, and what it cannot, asserted once and run on every backend. A case begins with both nodes online and none of
/// <see cref="SiteUnits"/> running, and what it does to the site through here is undone when it ends.
/// </summary>
/// <typeparam name="TFixture">The backend.</typeparam>
/// <param name="fixture">Its site, which lives as long as all cases.</param>
public abstract partial class ConformanceCases<TFixture>(TFixture fixture) : IClassFixture<TFixture>, IAsyncLifetime
    where TFixture : SiteFixture
{
    private const string ServiceInterface = "org.freedesktop.systemd1.Service";
    private const string UnitInterface = "org.freedesktop.systemd1.Unit";

    // Only a limit: three times the longest wait there is, BlueChi's own for an agent that does not answer.
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(90);

    private readonly CancellationTokenSource _deadline = new(Deadline, TimeProvider.System);
    private readonly Stack<Func<Task>> _undo = new();
    private readonly List<SiteClient> _others = [];
    private CancellationTokenSource _end = null!;
    private SiteClient _client = null!;

    private ISite Site => fixture.Site;

    private IBlueChi BlueChi => _client.BlueChi;

    private Heard Heard => _client.Heard;

    private string First => Site.Nodes.First;

    private string Second => Site.Nodes.Second;

    private string Absent => Site.Absent;

    private CancellationToken Ct => _end.Token;

    /// <summary>Connects, and waits until the site is as a case may expect it.</summary>
    public async ValueTask InitializeAsync()
    {
        _end = CancellationTokenSource.CreateLinkedTokenSource(_deadline.Token, TestContext.Current.CancellationToken);
        _client = await SiteClient.ConnectAsync(Site, Ct);
        await _client.OnlineAsync(First, Ct);
        await _client.OnlineAsync(Second, Ct);
        Heard.SkipAll();
    }

    /// <summary>Undoes what the case did, the last first, and stops its units.</summary>
    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        // A case that ran out of time is cleaned up after all the same.
        using var end = new CancellationTokenSource(Deadline, TimeProvider.System);
        try
        {
            while (_undo.TryPop(out var undo))
            {
                await undo();
            }

            foreach (var other in _others)
            {
                await other.DisposeAsync();
            }

            if (_client is not null)
            {
                await CleanAsync(end.Token);
            }
        }
        finally
        {
            if (_client is not null)
            {
                await _client.DisposeAsync();
            }

            _end.Dispose();
            _deadline.Dispose();
        }
    }

    /// <summary>Another client of the same site, until the case ends.</summary>
    private async Task<SiteClient> AnotherClientAsync()
    {
        var other = await SiteClient.ConnectAsync(Site, Ct);
        _others.Add(other);
        other.Heard.SkipAll();
        return other;
    }

    private async Task<string> ActiveStateAsync(string node, string unit) => await Site.AskSystemdAsync(node, unit, "ActiveState", Ct);

    private async Task CleanAsync(CancellationToken ct)
    {
        await using var client = await SiteClient.ConnectAsync(Site, ct);
        foreach (var node in new[] { First, Second })
        {
            await client.OnlineAsync(node, ct);
            foreach (var unit in SiteUnits.Files.Keys.Append(SlowerUnit))
            {
                if (await client.BlueChi.GetUnitStateAsync(node, unit, ct) is { ActiveState: not ("inactive" or "failed") })
                {
                    await client.BlueChi.StopUnitAsync(node, unit, ct);
                }
            }

            await client.BlueChi.ResetFailedAsync(node, ct);
        }
    }
}
