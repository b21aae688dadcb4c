using Xunit;

namespace Qm.Fleet.BlueChi.Tests.Conformance.Containers;

/// <summary>Containers with a real systemd and a real BlueChi, where QMFLEET_BLUECHI_PREFIX says where that is installed.</summary>
public sealed class ContainerFixture : SiteFixture
{
    internal override Task<string?> FindObstacleAsync(CancellationToken ct) => ContainerSite.FindObstacleAsync(ct);

    internal override async Task<ISite> StartAsync(CancellationToken ct) => await ContainerSite.StartAsync(ct);
}

/// <summary>Every case on a real BlueChi.</summary>
public sealed class ContainerConformanceTests(ContainerFixture fixture) : ConformanceCases(fixture), IClassFixture<ContainerFixture>;
