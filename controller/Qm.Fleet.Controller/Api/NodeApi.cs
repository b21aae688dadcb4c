using Grpc.Core;
using Qm.Fleet.Controller.Api.Lists;
using Qm.Fleet.Controller.Api.Watches;
using Qm.Fleet.Controller.Operations;
using Qm.Fleet.Controller.Security;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Controller.Supervise;
using Qm.Fleet.Controller.Telemetry;
using Qm.Fleet.Controller.Wire;
using Qm.Fleet.Core.Environments;

namespace Qm.Fleet.Controller.Api;

/// <inheritdoc/>
internal sealed partial class NodeApi(
    NodeStore nodes, ILiveStatus live, HealingDesk healing, WatchedResources<V1.Node> watched, WatchStreams streams, Mutations mutations, UnitRequests requests, UnitList units, AccessDesk desk, ControllerMetrics metrics,
    NodeStanding standing, CertificateDesk certificates)
    : V1.NodeService.NodeServiceBase
{
    internal const int MaxNodes = 10_000;

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
        }, context.View().Sees).ByName(nodes.After, static node => node.Name, static node => node.Labels, node => node.ToWire(live));
        return Task.FromResult(new V1.ListNodesResponse { Nodes = { page.Items }, NextPageToken = page.Next });
    }

    /// <inheritdoc/>
    public override async Task Watch(V1.WatchNodesRequest request, IServerStreamWriter<V1.NodeChange> responseStream, ServerCallContext context)
    {
        var view = context.View();
        using var end = streams.Link(context);
        await watched.WatchAsync(
            WatchFilter<V1.Node>.Read(request.Selector, request.FieldSelector, static node => node.Metadata, view.Sees, () => view.IsEverything), request.ResumeToken,
            (type, node, token, ct) => streams.SendAsync(
                responseStream, new V1.NodeChange { Type = type, Node = node, ResumeToken = token }, ResourceWatch<V1.Node>.GoOn, ct, token),
            end.Token).ConfigureAwait(false);
    }


    internal static Parsed<NodeSpec> Check(V1.Node node, IReadOnlySet<string> sites)
    {
        var parsed = Manifests.Parse(node.Metadata ?? new V1.Metadata(), node.Spec);
        return parsed.IsValid(out var spec) && !sites.Contains(spec.Site)
            ? new Parsed<NodeSpec>(null, [new Problem("spec.site", $"there is no site \"{spec.Site}\"; known are {string.Join(", ", sites)}")])
            : parsed;
    }
}
