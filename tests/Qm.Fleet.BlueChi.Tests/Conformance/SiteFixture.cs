using Qm.Fleet.Lab.Processes;
using Xunit;

namespace Qm.Fleet.BlueChi.Tests.Conformance;

/// <summary>A site that lives as long as the cases of one class.</summary>
public abstract class SiteFixture : IAsyncLifetime
{
    private ISite? _site;
    private string? _obstacle;

    /// <summary>The site; skips the case where this machine cannot have one.</summary>
    internal ISite Site
    {
        get
        {
            Assert.SkipWhen(_obstacle is not null, _obstacle ?? "");
            return _site!;
        }
    }

    public async ValueTask InitializeAsync()
    {
        var ct = TestContext.Current.CancellationToken;
        _obstacle = await FindObstacleAsync(ct);
        _site = _obstacle is null ? await StartAsync(ct) : null;
    }

    public async ValueTask DisposeAsync()
    {
        if (_site is not null)
        {
            await _site.DisposeAsync();
        }

        GC.SuppressFinalize(this);
    }

    internal abstract Task<string?> FindObstacleAsync(CancellationToken ct);

    internal abstract Task<ISite> StartAsync(CancellationToken ct);
}

/// <summary>The emulator, wherever there is a dbus-daemon.</summary>
public sealed class EmulatorFixture : SiteFixture
{
    internal override Task<string?> FindObstacleAsync(CancellationToken ct) =>
        Task.FromResult(ProcessLauncher.Find("dbus-daemon") is null ? "dbus-daemon is not installed" : null);

    internal override Task<ISite> StartAsync(CancellationToken ct) => EmulatorSite.StartAsync(ct);
}

/// <summary>Every case on the emulator.</summary>
public sealed class EmulatorConformanceTests(EmulatorFixture fixture) : ConformanceCases(fixture), IClassFixture<EmulatorFixture>;
