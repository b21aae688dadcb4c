namespace Qm.Fleet.BlueChi.Tests.Conformance;

/// <summary>The suite on the lab's emulated BlueChi; it runs everywhere.</summary>
public sealed class EmulatorConformanceTests(EmulatorFixture fixture) : ConformanceCases<EmulatorFixture>(fixture);

/// <summary>The lab's emulated BlueChi.</summary>
public sealed class EmulatorFixture : SiteFixture
{
    private protected override async Task<ISite> StartAsync(CancellationToken ct) => await EmulatorSite.StartAsync(ct);
}
