using System.Net;
using DotNet.Testcontainers.Builders;
using DotNet.Testcontainers.Networks;
using Microsoft.Extensions.Logging.Abstractions;
using Qm.Fleet.BlueChi.Tests.Conformance.Containers;
using Qm.Fleet.Core.Revisions;
using Qm.Fleet.Vm.Tests.Node;

namespace Qm.Fleet.Containers.Node;

/// <summary>
/// One ECU for all tests: a container with Debian's systemd and quadlet generator, the native agent extension under its own unit, and a QM that is a systemd of
/// its own in cgroups and namespaces of its own. Podman and BlueChi's agent are stand-ins. Each test brings it to what it needs, in any order.
/// </summary>
public sealed class ContainerNode : IAsyncLifetime
{
    internal const string Name = "ecu1";

    private INetwork? _network;
    private NodeContainer? _container;
    private Gateway? _gateway;
    private FleetLoop? _loop;
    private string? _obstacle;

    /// <summary>Runs scripts on the node.</summary>
    internal NodeShell Shell => new ContainerShell(_container!);

    /// <summary>The way to an environment; skips the test where there is no node, and says why.</summary>
    internal FleetLoop Fleet
    {
        get
        {
            Assert.SkipWhen(_obstacle is not null, _obstacle ?? "");
            return _loop!;
        }
    }

    /// <summary>The node's systemd, and that inside QM.</summary>
    internal GuestSystemd Systemd => new(Shell);

    public async ValueTask InitializeAsync()
    {
        var ct = TestContext.Current.CancellationToken;
        _obstacle = Environment.IsPrivilegedProcess
            ? await DockerHost.FindObstacleAsync(ct) ?? await BaseImage.WithPodman.FindObstacleAsync(ct)
            : "only root can make the image of a node, and this is not root";
        if (_obstacle is not null)
        {
            return;
        }

        await DockerHost.SweepAsync(ct);
        var image = await BaseImage.WithPodman.EnsureAsync(ct);
        _network = new NetworkBuilder().WithLogger(NullLogger.Instance).WithLabel(DockerHost.OwnerLabel, DockerHost.Owner).Build();
        await _network.CreateAsync(ct);
        var host = await HostAsync(_network, ct);
        _gateway = await Gateway.StartAsync(host, host);
        var payload = AgentPayload.MakeAsync(_gateway, Name, BaseImage.Cache, [.. QmPackage.FilesOf(Name), .. StandIns()]);
        _container = await NodeContainer.StartAsync(Name, image, _network, blueChi: null, [], busFolder: null, ct);
        await _container.WriteAsync("/payload.tar", await payload, ct);
        await Shell.RunAsync(Image("set-up"), ct);
        _loop = new(Name, _gateway.Links, Systemd, new(slower: 1));
        await _loop.ConnectedAsync(null, ct);
    }

    public async ValueTask DisposeAsync()
    {
        if (_container is not null)
        {
            await _container.DisposeAsync();
        }

        if (_gateway is not null)
        {
            await _gateway.DisposeAsync();
        }

        if (_network is not null)
        {
            await _network.DisposeAsync();
        }
    }

    /// <summary>A property of a unit of the host, as systemd shows it.</summary>
    internal Task<string> ShowAsync(string unit, string property) => Shell.RunAsync($"systemctl show --value --property={property} {unit}", TestContext.Current.CancellationToken);

    // The containers' network has this machine in it.
    private static async Task<IPAddress> HostAsync(INetwork network, CancellationToken ct)
    {
        using var docker = DockerHost.Connect();
        return IPAddress.Parse((await docker.Networks.InspectNetworkAsync(network.Name, ct)).IPAM.Config[0].Gateway);
    }

    private static IEnumerable<(string Path, string Content)> StandIns() =>
    [
        ("usr/bin/podman", Image("podman")),
        ("usr/libexec/qm-container", Image("qm-container")),
        ("usr/libexec/bluechi-agent", Image("bluechi-agent")),
        ($"usr/lib/systemd/system/{QmNode.AgentUnit}", Image(QmNode.AgentUnit)),
        ("usr/lib/systemd/system/brake-control.service", Image("brake-control.service")),
    ];

    private static string Image(string file) => File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Image", file));
}

/// <summary>The tests of the node: one after another, in one container.</summary>
[CollectionDefinition(Name)]
public sealed class InTheContainer : ICollectionFixture<ContainerNode>
{
    internal const string Name = "Container";
}
