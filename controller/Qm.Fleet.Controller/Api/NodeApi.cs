using Grpc.Core;
using Qm.Fleet.Controller.Api.Lists;
using Qm.Fleet.Controller.Api.Watches;
using Qm.Fleet.Controller.Security;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Controller.Supervise;
using Qm.Fleet.Controller.Telemetry;
using Qm.Fleet.Controller.Wire;
using Qm.Fleet.Core.Environments;

namespace Qm.Fleet.Controller.Api;

/// <inheritdoc/>
internal sealed class NodeApi(NodeStore nodes, ILiveStatus live, HealingDesk healing, WatchedResources<V1.Node> watched, WatchStreams streams, ControllerMetrics metrics)
    : V1.NodeService.NodeServiceBase
{
    internal const int MaxNodes = 10_000;

    /// <inheritdoc/>
    public override async Task<V1.ApplyNodesResponse> Apply(V1.ApplyNodesRequest request, ServerCallContext context)
    {
        var sites = nodes.Sites();
        var specs = ApplyRequests.Check(
            "nodes", MaxNodes, request.Nodes, static node => node.Metadata?.Name ?? "", node => Check(node, sites));
        var applied = await nodes.ApplyAsync(specs, context.Caller().Actor, request.DryRun, context.CancellationToken).ConfigureAwait(false);
        var response = new V1.ApplyNodesResponse();
        foreach (var (node, result) in applied)
        {
            metrics.Applied("node", result, request.DryRun);
            response.Results.Add(new V1.AppliedNode { Node = node.ToWire(live), Result = result });
        }
        return response;
    }

    /// <inheritdoc/>
    public override Task<V1.Node> Get(V1.GetNodeRequest request, ServerCallContext context)
    {
        var mask = ReadMask.Check(V1.Node.Descriptor, request.ReadMask);
        return Task.FromResult(mask.Apply(nodes.Find(request.Name)?.ToWire(live) ?? throw Failures.NotFound("node", request.Name)));
    }

    /// <inheritdoc/>
    public override Task<V1.ListNodesResponse> List(V1.ListNodesRequest request, ServerCallContext context)
    {
        var page = ListQuery<V1.Node>.Read(new(request.PageSize, request.PageToken)
        {
            Selector = request.Selector,
            FieldSelector = request.FieldSelector,
            OrderBy = request.OrderBy,
            ReadMask = request.ReadMask,
        }).ByName(nodes.After, static node => node.Name, static node => node.Labels, node => node.ToWire(live));
        return Task.FromResult(new V1.ListNodesResponse { Nodes = { page.Items }, NextPageToken = page.Next });
    }

    /// <inheritdoc/>
    public override async Task<V1.Node> Delete(V1.DeleteNodeRequest request, ServerCallContext context)
    {
        var deleted = await nodes.DeleteAsync(request.Name, context.Caller().Actor, context.CancellationToken).ConfigureAwait(false);
        return deleted?.ToWire(live) ?? throw Failures.NotFound("node", request.Name);
    }

    /// <inheritdoc/>
    public override async Task Watch(V1.WatchNodesRequest request, IServerStreamWriter<V1.NodeChange> responseStream, ServerCallContext context)
    {
        using var end = streams.Link(context);
        await watched.WatchAsync(
            WatchFilter<V1.Node>.Read(request.Selector, request.FieldSelector, static node => node.Metadata), request.ResumeToken,
            (type, node, token, ct) => streams.SendAsync(
                responseStream, new V1.NodeChange { Type = type, Node = node, ResumeToken = token }, ResourceWatch<V1.Node>.GoOn, ct, token),
            end.Token).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public override Task<V1.Node> Quarantine(V1.QuarantineNodeRequest request, ServerCallContext context) => DecideAsync(request.Name, true, request.Reason, context);

    /// <inheritdoc/>
    public override Task<V1.Node> Release(V1.ReleaseNodeRequest request, ServerCallContext context) => DecideAsync(request.Name, false, request.Reason, context);

    private async Task<V1.Node> DecideAsync(string name, bool quarantine, string reason, ServerCallContext context)
    {
        var decided = await nodes.QuarantineAsync(name, quarantine, context.Caller().Actor, Reasons.Check(reason), context.CancellationToken).ConfigureAwait(false)
            ?? throw Failures.NotFound("node", name);
        if (decided.Changed)
        {
            healing.Decided(name, decided.Quarantine);
        }
        return decided.Node.ToWire(live);
    }

    internal static Parsed<NodeSpec> Check(V1.Node node, IReadOnlySet<string> sites)
    {
        var parsed = Manifests.Parse(node.Metadata ?? new V1.Metadata(), node.Spec);
        return parsed.IsValid(out var spec) && !sites.Contains(spec.Site)
            ? new Parsed<NodeSpec>(null, [new Problem("spec.site", $"there is no site \"{spec.Site}\"; known are {string.Join(", ", sites)}")])
            : parsed;
    }
}
