using Xunit;

namespace Qm.Fleet.BlueChi.Tests.Conformance.Peers;

/// <summary>A real bluechi-controller with peer nodes, where QMFLEET_BLUECHI_PREFIX says where BlueChi is installed.</summary>
public sealed class PeerFixture : SiteFixture
{
    internal override Task<string?> FindObstacleAsync(CancellationToken ct) => Task.FromResult(PeerSite.FindObstacle());

    internal override Task<ISite> StartAsync(CancellationToken ct) => PeerSite.StartAsync(ct);
}

/// <summary>Every case on a real controller with nodes of the lab.</summary>
public sealed class PeerConformanceTests(PeerFixture fixture) : ConformanceCases(fixture), IClassFixture<PeerFixture>;
