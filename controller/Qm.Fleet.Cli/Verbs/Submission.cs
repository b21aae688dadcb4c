using System.Globalization;
using Google.Protobuf.Collections;
using Grpc.Core;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Manifests;
using Qm.Fleet.V1;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>Sends manifests to the server: first to have them checked, then to have them stored.</summary>
/// <param name="manifests">What is sent.</param>
/// <param name="connection">To the server.</param>
/// <param name="generation">The generation that each has to have; 0 for none, that is to be new; null for whatever is there.</param>
/// <param name="ct">Ends a call.</param>
internal sealed class Submission(ManifestSet manifests, FleetConnection connection, long? generation, CancellationToken ct)
{
    private readonly IReadOnlyList<ManifestResource> _nodes = manifests.Of(nameof(Node));
    private readonly IReadOnlyList<ManifestResource> _fleets = manifests.Of(nameof(V1.Fleet));

    /// <summary>Has everything checked and nothing stored; what the server objects to is added to the files' problems.</summary>
    /// <exception cref="RpcException">The server did not check.</exception>
    internal async Task<(IReadOnlyList<AppliedNode> Nodes, IReadOnlyList<AppliedFleet> Fleets)> CheckAsync()
    {
        var nodes = await NoteAsync("nodes", _nodes, () => NodesAsync(dryRun: true));
        var fleets = await NoteAsync("fleets", _fleets, () => FleetsAsync(dryRun: true));
        return (nodes ?? [], fleets ?? []);
    }

    /// <summary>Stores the nodes, all of them or none.</summary>
    internal Task<IReadOnlyList<AppliedNode>> ApplyNodesAsync() => NodesAsync(dryRun: false);

    /// <summary>Stores the fleets, all of them or none.</summary>
    internal Task<IReadOnlyList<AppliedFleet>> ApplyFleetsAsync() => FleetsAsync(dryRun: false);

    /// <summary>Asks what applying everything would do; what the server objects to is added to the files' problems.</summary>
    /// <exception cref="RpcException">The server did not plan.</exception>
    internal async Task<IReadOnlyList<FleetPlan>> PlanAsync()
    {
        if (_fleets.Count == 0)
        {
            return [];
        }

        try
        {
            return (await connection.Fleets.PlanAsync(
                new() { Nodes = { _nodes.Select(node => (Node)node.Message) }, Fleets = { _fleets.Select(fleet => (V1.Fleet)fleet.Message) } }, cancellationToken: ct)).Plans;
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.InvalidArgument && RpcErrors.Violations(e) is { Count: > 0 } violations)
        {
            foreach (var violation in violations)
            {
                var isNode = violation.Field.StartsWith("nodes", StringComparison.Ordinal);
                Note(isNode ? "nodes" : "fleets", isNode ? _nodes : _fleets, violation.Field, violation.Description);
            }

            return [];
        }
    }

    private async Task<IReadOnlyList<AppliedNode>> NodesAsync(bool dryRun)
    {
        var request = new ApplyNodesRequest { DryRun = dryRun, Nodes = { _nodes.Select(node => (Node)node.Message) } };
        Demand(request.Generations, _nodes);
        return _nodes.Count == 0 ? [] : (await connection.Nodes.ApplyAsync(request, cancellationToken: ct)).Results;
    }

    private async Task<IReadOnlyList<AppliedFleet>> FleetsAsync(bool dryRun)
    {
        var request = new ApplyFleetsRequest { DryRun = dryRun, Fleets = { _fleets.Select(fleet => (V1.Fleet)fleet.Message) } };
        Demand(request.Generations, _fleets);
        return _fleets.Count == 0 ? [] : (await connection.Fleets.ApplyAsync(request, cancellationToken: ct)).Results;
    }

    private void Demand(MapField<string, long> generations, IReadOnlyList<ManifestResource> resources)
    {
        foreach (var resource in resources)
        {
            if (generation is { } wanted)
            {
                generations[resource.Name] = wanted;
            }
        }
    }

    private static async Task<T?> NoteAsync<T>(string list, IReadOnlyList<ManifestResource> resources, Func<Task<T>> call)
        where T : class
    {
        try
        {
            return await call();
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.InvalidArgument && RpcErrors.Violations(e) is { Count: > 0 } violations)
        {
            foreach (var violation in violations)
            {
                Note(list, resources, violation.Field, violation.Description);
            }

            return null;
        }
    }

    // The server writes fleets[3].spec.selector, or fleets for what is wrong with all of them.
    private static void Note(string list, IReadOnlyList<ManifestResource> resources, string field, string message)
    {
        var end = field.IndexOf(']', StringComparison.Ordinal);
        if (field.StartsWith(list + '[', StringComparison.Ordinal) && end > 0
            && int.TryParse(field.AsSpan(list.Length + 1, end - list.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var index)
            && index < resources.Count)
        {
            resources[index].Object(field[(end + 1)..].TrimStart('.'), message);
        }
        else
        {
            resources[0].Object("", $"{field}: {message}");
        }
    }
}
