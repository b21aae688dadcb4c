using Xunit;

namespace Qm.Fleet.BlueChi.Tests.Conformance;

/// <summary>A site that lives as long as the cases that run on it; where there cannot be one, every case is skipped with the reason.</summary>
public abstract class SiteFixture : IAsyncLifetime
{
    private ISite? _site;
    private string _lack = "";

    /// <summary>The site.</summary>
    /// <exception cref="SiteLacksException">There cannot be one here.</exception>
    internal ISite Site => _site ?? throw new SiteLacksException(_lack);

    /// <summary>Starts it.</summary>
    public async ValueTask InitializeAsync()
    {
        try
        {
            _site = await StartAsync(TestContext.Current.CancellationToken);
        }
        catch (SiteLacksException e)
        {
            _lack = e.Message;
        }
    }

    /// <summary>Ends it.</summary>
    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        if (_site is not null)
        {
            await _site.DisposeAsync();
        }
    }

    private protected abstract Task<ISite> StartAsync(CancellationToken ct);
}
