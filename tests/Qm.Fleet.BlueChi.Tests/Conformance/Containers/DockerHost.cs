using System.Net.Sockets;
using Docker.DotNet;
using Docker.DotNet.Models;
using DotNet.Testcontainers.Configurations;

namespace Qm.Fleet.BlueChi.Tests.Conformance.Containers;

/// <summary>The Docker daemon of this machine, and how Testcontainers is to use it.</summary>
internal static class DockerHost
{
    /// <summary>On everything that is made there: the process that made it.</summary>
    internal const string OwnerLabel = "qm-fleet.conformance.pid";

    private const string VersionVariable = "DOCKER_API_VERSION";

    private static readonly TimeSpan AnswerDeadline = TimeSpan.FromSeconds(5);

    // What Testcontainers asks for by itself; a daemon that is older refuses every word of it.
    private static readonly System.Version NewestNeeded = new(1, 44);

    /// <summary>This process, as <see cref="OwnerLabel"/> has it.</summary>
    internal static string Owner { get; } = FormattableString.Invariant($"{Environment.ProcessId}");

    /// <summary>Asks the daemon for a sign of life.</summary>
    /// <returns>Why it cannot be used; null when it can.</returns>
    /// <remarks>To be asked before anything else: Testcontainers learns here, before its first word, what to do without.</remarks>
    internal static async Task<string?> FindObstacleAsync(CancellationToken ct)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(ct);
        deadline.CancelAfter(AnswerDeadline);
        try
        {
            using var docker = new DockerClientBuilder().Build();
            var version = new System.Version((await docker.System.GetVersionAsync(deadline.Token)).APIVersion);
            if (version < NewestNeeded && Environment.GetEnvironmentVariable(VersionVariable) is null)
            {
                Environment.SetEnvironmentVariable(VersionVariable, version.ToString());
            }
        }
        catch (Exception e) when (
            e is DockerApiException or HttpRequestException or IOException or TimeoutException or AggregateException { InnerException: SocketException }
            || (e is OperationCanceledException && !ct.IsCancellationRequested))
        {
            return $"no Docker daemon answers: {e.Message}";
        }

        // The reaper is an image from a registry; nothing here is pulled from anywhere, and what a killed run left is swept by the next.
        TestcontainersSettings.ResourceReaperEnabled = false;
        return TestcontainersSettings.OS.DockerEndpointAuthConfig switch
        {
            null => "no Docker daemon answers Testcontainers, though one answers here: see ~/.testcontainers.properties, TESTCONTAINERS_* and DOCKER_*",
            { Endpoint.Scheme: not "unix" } remote =>
                $"the Docker daemon at {remote.Endpoint} is not on this machine; the controller's bus is reached through a shared folder",
            _ => null,
        };
    }

    /// <summary>A connection to the daemon for what Testcontainers does not offer.</summary>
    internal static DockerClient Connect() => TestcontainersSettings.OS.DockerEndpointAuthConfig.GetDockerClientBuilder(Guid.Empty).Build();

    /// <summary>Removes what runs that no longer live have left behind.</summary>
    internal static async Task SweepAsync(CancellationToken ct)
    {
        using var docker = Connect();
        var labelled = new Dictionary<string, IDictionary<string, bool>> { ["label"] = new Dictionary<string, bool> { [OwnerLabel] = true } };
        foreach (var container in await docker.Containers.ListContainersAsync(new() { All = true, Filters = labelled }, ct))
        {
            if (IsOrphan(container.Labels))
            {
                await docker.Containers.RemoveContainerAsync(container.ID, new() { Force = true, RemoveVolumes = true }, ct);
            }
        }

        foreach (var network in await docker.Networks.ListNetworksAsync(new NetworksListParameters { Filters = labelled }, ct))
        {
            if (IsOrphan(network.Labels))
            {
                await docker.Networks.DeleteNetworkAsync(network.ID, ct);
            }
        }
    }

    private static bool IsOrphan(IDictionary<string, string> labels) => !Directory.Exists($"/proc/{labels[OwnerLabel]}");
}
