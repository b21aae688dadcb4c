namespace Qm.Fleet.BlueChi.Tests.Conformance.Containers;

/// <summary>The suite on a real BlueChi and a real systemd, in containers; it runs where <see cref="BlueChiInstallation.Variable"/> is set and Docker answers.</summary>
public sealed class ContainerConformanceTests(ContainerFixture fixture) : ConformanceCases<ContainerFixture>(fixture);

/// <summary>Real BlueChi on nodes that are containers.</summary>
public sealed class ContainerFixture : SiteFixture
{
    private protected override async Task<ISite> StartAsync(CancellationToken ct) => await ContainerSite.StartAsync(ct);
}
