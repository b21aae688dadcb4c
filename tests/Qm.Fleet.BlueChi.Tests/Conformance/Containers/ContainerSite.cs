using System.Globalization;
using DotNet.Testcontainers.Builders;
using DotNet.Testcontainers.Networks;
using Microsoft.Extensions.Logging.Abstractions;

namespace Qm.Fleet.BlueChi.Tests.Conformance.Containers;

/// <summary>A real bluechi-controller and real bluechi-agents on nodes with a real systemd, each node a container.</summary>
/// <remarks>
/// The first node also has the controller; its system bus has its socket in a folder of this machine. Agents connect over TCP, the first one over loopback.
/// </remarks>
internal sealed class ContainerSite : ISite
{
    private const string FirstName = "ecu1";
    private const string SecondName = "ecu2";
    private const string AbsentName = "ecu-9";
    private const string Agent = "bluechi-agent.service";
    private const string Controller = "bluechi-controller.service";

    // systemd asks what unit a sender belongs to when it reads, not when it was sent. The last status goes out through systemd-notify, which in the place of
    // the sender waits until systemd has read everything.
    private const string Flood = """
        set -e
        echo $$ > "/sys/fs/cgroup$(systemctl show --value --property=ControlGroup "$1")/cgroup.procs"
        export NOTIFY_SOCKET=/run/systemd/notify
        exec perl -MSocket -e '
          my ($signals, $notify) = @ARGV;
          socket($notify, AF_UNIX, SOCK_DGRAM, 0) && connect($notify, pack_sockaddr_un($ENV{NOTIFY_SOCKET})) or die $!;
          for (1 .. $signals - 1) { defined send($notify, "STATUS=flood $_", 0) or die $! }
          exec "systemd-notify", "--pid=self", "--status=flood $signals"' "$2"
        """;

    // Two sites at a time: four containers.
    private static readonly SemaphoreSlim Places = new(2);

    private readonly INetwork _network;
    private readonly DirectoryInfo _busFolder;
    private bool _hasPlace;
    private NodeContainer? _first;
    private NodeContainer? _second;

    private ContainerSite(INetwork network, DirectoryInfo busFolder) => (_network, _busFolder) = (network, busFolder);

    /// <inheritdoc/>
    public string Name { get; private set; } = "containers";

    /// <inheritdoc/>
    public string BusAddress => $"unix:path={_busFolder.FullName}/system_bus_socket";

    /// <inheritdoc/>
    public TimeSpan AgentTimeout { get; } = TimeSpan.FromSeconds(30);

    /// <inheritdoc/>
    public (string First, string Second) Nodes => (FirstName, SecondName);

    /// <inheritdoc/>
    public string Absent => AbsentName;

    private NodeContainer First => _first ?? throw new InvalidOperationException($"{FirstName} was not started");

    private NodeContainer Second => _second ?? throw new InvalidOperationException($"{SecondName} was not started");

    /// <summary>Whether this machine can have such a site; to be asked first, since Testcontainers learns here what to do without.</summary>
    /// <returns>Why not; null when it can.</returns>
    internal static async Task<string?> FindObstacleAsync(CancellationToken ct)
    {
        var (found, whyNot) = BlueChiInstallation.Find();
        if ((found is null ? whyNot : found.WhyNotInANode) is { } obstacle)
        {
            return obstacle;
        }

        return Environment.IsPrivilegedProcess
            ? await DockerHost.FindObstacleAsync(ct) ?? await BaseImage.Plain.FindObstacleAsync(ct)
            : "BlueChi answers nobody but root, and this is not root";
    }

    /// <summary>Starts the nodes and waits until BlueChi has both online; the first site of a machine makes the image, which takes a minute or two.</summary>
    /// <exception cref="InvalidOperationException">The image cannot be made, or a node does not come up; the message has why.</exception>
    internal static async Task<ContainerSite> StartAsync(CancellationToken ct)
    {
        var network = new NetworkBuilder().WithLogger(NullLogger.Instance).WithLabel(DockerHost.OwnerLabel, DockerHost.Owner).Build();
        var site = new ContainerSite(network, Directory.CreateTempSubdirectory("qmfleet-bus-"));
        try
        {
            await Places.WaitAsync(ct);
            site._hasPlace = true;
            await DockerHost.SweepAsync(ct);
            var image = await BaseImage.Plain.EnsureAsync(ct);
            var (found, whyNot) = BlueChiInstallation.Find();
            var blueChi = found ?? throw new InvalidOperationException(whyNot);
            await network.CreateAsync(ct);
            site._first = await NodeContainer.StartAsync(
                FirstName, image, network, blueChi,
                [.. NodeFiles.OfAgent(FirstName, "127.0.0.1"), .. NodeFiles.OfController(FirstName, SecondName, AbsentName)], site._busFolder.FullName, ct);
            site._second = await NodeContainer.StartAsync(
                SecondName, image, network, blueChi, NodeFiles.OfAgent(SecondName, FirstName), busFolder: null, ct);
            await site.WaitForAgentsAsync(ct);
            site.Name = $"containers, {await site._first.RunAsync(ct, "/usr/libexec/bluechi-controller", "-v")}";
            return site;
        }
        catch
        {
            await site.DisposeAsync();
            throw;
        }
    }

    /// <inheritdoc/>
    public Task SetFrozenAsync(string node, bool frozen, CancellationToken ct) =>
        On(node).RunAsync(ct, "systemctl", "kill", "--kill-whom=main", $"--signal={(frozen ? "STOP" : "CONT")}", Agent);

    /// <inheritdoc/>
    public Task StopAgentAsync(string node, CancellationToken ct) => On(node).RunAsync(ct, "systemctl", "stop", Agent);

    /// <inheritdoc/>
    public Task StartAgentAsync(string node, CancellationToken ct) => On(node).RunAsync(ct, "systemctl", "start", Agent);

    /// <inheritdoc/>
    /// <remarks>Every packet between the two is answered by a reset to whoever sent it, so both sides know at their next heartbeat.</remarks>
    public Task CutAsync(string node, CancellationToken ct)
    {
        // On the controller's own node the agent connects over loopback; the rules must not touch what comes from other nodes.
        var link = node == FirstName ? "lo" : "eth0";
        var verdict = "tcp flags & rst == 0 reject with tcp reset;";
        return On(node).RunAsync(ct, "nft", $$"""
            table inet cut {
              chain input { type filter hook input priority filter; iifname "{{link}}" tcp sport {{NodeFiles.ControllerPort}} {{verdict}} }
              chain output { type filter hook output priority filter; oifname "{{link}}" tcp dport {{NodeFiles.ControllerPort}} {{verdict}} }
            }
            """);
    }

    /// <inheritdoc/>
    public Task HealAsync(string node, CancellationToken ct) => On(node).RunAsync(ct, "nft", "add table inet cut; delete table inet cut");

    /// <inheritdoc/>
    public Task StopControllerAsync(bool clean, CancellationToken ct) => clean
        ? First.RunAsync(ct, "systemctl", "stop", Controller)
        : First.RunAsync(ct, "systemctl", "kill", "--kill-whom=main", "--signal=KILL", Controller);

    /// <inheritdoc/>
    public async Task StartControllerAsync(CancellationToken ct)
    {
        // A killed one is a failed one, and many of those in a row are too many for systemd.
        await First.RunAsync(ct, "systemctl", "reset-failed", Controller);
        await First.RunAsync(ct, "systemctl", "start", Controller);
    }

    /// <inheritdoc/>
    public Task WriteUnitAsync(string node, string unit, string text, CancellationToken ct) => On(node).WriteAsync($"/etc/systemd/system/{unit}", text, ct);

    /// <inheritdoc/>
    public Task<string> AskSystemdAsync(string node, string unit, string property, CancellationToken ct) =>
        On(node).RunAsync(ct, "systemctl", "show", "--value", $"--property={property}", unit);

    /// <inheritdoc/>
    /// <remarks>The unit must run: a process joins it and tells systemd a new status so many times; systemd signals each, and the agent passes it on.</remarks>
    public Task FloodAsync(string node, string unit, int signals, CancellationToken ct) =>
        On(node).RunAsync(ct, "/bin/sh", "-c", Flood, "flood", unit, signals.ToString(CultureInfo.InvariantCulture));

    /// <summary>The process 1 of a node, as this machine counts it.</summary>
    internal Task<long> InitPidAsync(string node, CancellationToken ct) => On(node).InitPidAsync(ct);

    /// <summary>Ends everything that belongs to the site.</summary>
    public async ValueTask DisposeAsync()
    {
        try
        {
            foreach (var node in new[] { _second, _first })
            {
                if (node is not null)
                {
                    await node.DisposeAsync();
                }
            }

            await _network.DisposeAsync();
            _busFolder.Delete(recursive: true);
        }
        finally
        {
            if (_hasPlace)
            {
                Places.Release();
            }
        }
    }

    private NodeContainer On(string node) => node switch
    {
        FirstName => First,
        SecondName => Second,
        _ => throw new ArgumentException($"The site has the nodes {FirstName} and {SecondName}, not {node}", nameof(node)),
    };

    private async Task WaitForAgentsAsync(CancellationToken ct)
    {
        foreach (var node in new[] { FirstName, SecondName })
        {
            try
            {
                await First.RunAsync(ct, "bluechi-is-online", "node", node, "--wait=20000");
            }
            catch (InvalidOperationException e)
            {
                throw new InvalidOperationException($"{node} is not online:\n{await First.JournalAsync()}\n{await On(node).JournalAsync()}", e);
            }
        }
    }
}
