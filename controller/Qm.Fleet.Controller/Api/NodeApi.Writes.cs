using Grpc.Core;
using Qm.Fleet.Controller.Security;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.Environments;

namespace Qm.Fleet.Controller.Api;

/// <content>What changes nodes, as far as it is stored.</content>
internal sealed partial class NodeApi
{
    private const string Kind = "node";

    /// <inheritdoc/>
    public override Task<V1.AppliedNode> Create(V1.CreateNodeRequest request, ServerCallContext context) => mutations.RunAsync(request, context, tx =>
    {
        var spec = Spec(request.Node);
        return Find(tx, spec.Name) is { } node
            ? throw Failures.Exists(Kind, node.Name, "Apply or update it; BlueChi may have brought it.")
            : Applied(NodeStore.Apply(tx, spec, context.Caller().Actor), request.DryRun);
    });

    /// <inheritdoc/>
    public override Task<V1.ApplyNodesResponse> Apply(V1.ApplyNodesRequest request, ServerCallContext context) => mutations.RunAsync(request, context, () =>
    {
        var sites = nodes.Sites();
        var specs = ApplyRequests.Check("nodes", MaxNodes, request.Nodes, static node => node.Metadata?.Name ?? "", node => Check(node, sites));
        return Task.FromResult(new Mutation<V1.ApplyNodesResponse>(tx =>
        {
            Generations.Check(
                Kind, request.Generations, specs.Select(static spec => spec.Name).ToHashSet(StringComparer.Ordinal), name => Find(tx, name) is { } node ? (node.Generation, node.ToWire(live)) : default);
            return new V1.ApplyNodesResponse { Results = { specs.Select(spec => Applied(NodeStore.Apply(tx, spec, context.Caller().Actor), request.DryRun)) } };
        }));
    });

    /// <inheritdoc/>
    public override Task<V1.AppliedNode> Update(V1.UpdateNodeRequest request, ServerCallContext context) => mutations.RunAsync(request, context, tx =>
    {
        var sent = request.Node ?? throw Failures.Invalid(Kind, "it is missing");
        var ways = UpdateMasks.Read(request.UpdateMask, sent);
        var name = sent.Metadata?.Name ?? "";
        var before = Find(tx, name) ?? throw Failures.NotFound(Kind, name);
        Generations.Check(Kind, name, request.Generation, before.Generation, () => before.ToWire(live));
        var wanted = new V1.Node { Metadata = new V1.Metadata { Name = name, Labels = { before.Labels.ToDictionary() } }, Spec = before.ToSpec() };
        UpdateMasks.Apply(ways, sent, wanted);
        return Applied(NodeStore.Apply(tx, Spec(wanted), context.Caller().Actor), request.DryRun);
    });

    /// <inheritdoc/>
    public override Task<V1.Node> Delete(V1.DeleteNodeRequest request, ServerCallContext context) => mutations.RunAsync(request, context, tx =>
    {
        var node = Find(tx, request.Name) ?? throw Failures.NotFound(Kind, request.Name);
        Generations.Check(Kind, request.Name, request.Generation, node.Generation, () => node.ToWire(live));
        NodeStore.Delete(tx, node, context.Caller().Actor);
        return node.ToWire(live);
    });

    /// <inheritdoc/>
    public override Task<V1.Node> Cordon(V1.CordonNodeRequest request, ServerCallContext context) =>
        mutations.RunAsync(request, context, tx => SetCordoned(tx, request.Name, true, request.Reason, context.Caller().Actor));

    /// <inheritdoc/>
    public override Task<V1.Node> Uncordon(V1.UncordonNodeRequest request, ServerCallContext context) =>
        mutations.RunAsync(request, context, tx => SetCordoned(tx, request.Name, false, request.Reason, context.Caller().Actor));

    /// <inheritdoc/>
    public override Task<V1.Node> Quarantine(V1.QuarantineNodeRequest request, ServerCallContext context) => DecideAsync(request, request.Name, true, request.Reason, context);

    /// <inheritdoc/>
    public override Task<V1.Node> Release(V1.ReleaseNodeRequest request, ServerCallContext context) => DecideAsync(request, request.Name, false, request.Reason, context);

    private Task<V1.Node> DecideAsync(Google.Protobuf.IMessage request, string name, bool quarantine, string reason, ServerCallContext context) => mutations.RunAsync(request, context, () =>
    {
        DecidedNode? decided = null;
        return Task.FromResult(new Mutation<V1.Node>(tx =>
        {
            var why = Reasons.Check(reason);
            decided = NodeStore.Quarantine(tx, Find(tx, name) ?? throw Failures.NotFound(Kind, name), quarantine, context.Caller().Actor, why);
            return decided.Node.ToWire(live);
        })
        {
            Stored = () =>
            {
                if (decided is { Changed: true })
                {
                    healing.Decided(name, decided.Quarantine);
                }
            },
        });
    });

    private V1.Node SetCordoned(WriteTransaction tx, string name, bool cordoned, string reason, string actor)
    {
        var why = Reasons.Check(reason);
        var node = Find(tx, name) ?? throw Failures.NotFound(Kind, name);
        if (!cordoned && node.IsRetired)
        {
            throw Failures.Precondition($"Node {name} was retired by {node.Decision!.Actor}, because {node.Decision.Reason}. It is taken back with qmfleet node reenroll {name}.");
        }
        var applied = NodeStore.Apply(tx, Spec(new V1.Node
        {
            Metadata = new V1.Metadata { Name = name, Labels = { node.Labels.ToDictionary() } },
            Spec = new V1.NodeSpec(node.ToSpec()) { Cordoned = cordoned },
        }), actor, cordoned ? "NodeCordoned" : "NodeUncordoned", why);
        return applied.Node.ToWire(live);
    }

    private NodeSpec Spec(V1.Node? node)
    {
        var sites = nodes.Sites();
        return ApplyRequests.CheckOne(Kind, node, static node => node.Metadata?.Name ?? "", node => Check(node, sites));
    }

    private V1.AppliedNode Applied(AppliedNode applied, bool dryRun)
    {
        metrics.Applied(Kind, applied.Result, dryRun);
        return new V1.AppliedNode { Node = applied.Node.ToWire(live), Result = applied.Result };
    }

    private static StoredNode? Find(ReadSnapshot db, string name) => NodeStore.Find(db, name);
}
