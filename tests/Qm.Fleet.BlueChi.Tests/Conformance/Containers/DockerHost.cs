using Docker.DotNet;
using Docker.DotNet.Models;
using DotNet.Testcontainers.Configurations;

namespace Qm.Fleet.BlueChi.Tests.Conformance.Containers;

/// <summary>The Docker daemon of this machine, and how Testcontainers is to use it.</summary>
internal static class DockerHost
{
    /// <summary>On everything that is made there: the process that made it.</summary>
    internal const string OwnerLabel = "qm-fleet.conformance.pid";

    private static readonly TimeSpan AnswerDeadline = TimeSpan.FromSeconds(5);

    // The reaper is an image from a registry; nothing here is pulled from anywhere, and what a killed run left is swept by the next.
    static DockerHost() => TestcontainersSettings.ResourceReaperEnabled = false;

    /// <summary>This process, as <see cref="OwnerLabel"/> has it.</summary>
    internal static string Owner { get; } = FormattableString.Invariant($"{Environment.ProcessId}");

    /// <summary>Asks the daemon for a sign of life.</summary>
    /// <returns>Why it cannot be used; null when it can.</returns>
    internal static async Task<string?> FindObstacleAsync(CancellationToken ct)
    {
        if (TestcontainersSettings.OS.DockerEndpointAuthConfig is not { } endpoint)
        {
            return "no Docker daemon answers: Testcontainers found no endpoint (DOCKER_HOST, a context, /var/run/docker.sock)";
        }

        if (endpoint.Endpoint.Scheme != "unix")
        {
            return $"the Docker daemon at {endpoint.Endpoint} is not on this machine; the test reaches the controller's bus through a shared folder";
        }

        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(ct);
        deadline.CancelAfter(AnswerDeadline);
        try
        {
            using var docker = Connect();
            await docker.System.PingAsync(deadline.Token);
            return null;
        }
        catch (Exception e) when (e is DockerApiException or HttpRequestException or TimeoutException || (e is OperationCanceledException && !ct.IsCancellationRequested))
        {
            return $"no Docker daemon answers at {endpoint.Endpoint}: {e.Message}";
        }
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
