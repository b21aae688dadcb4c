using Grpc.Core;
using Qm.Fleet.Controller.Security;
using Qm.Fleet.Controller.Storage;

namespace Qm.Fleet.Controller.Api;

/// <content>What takes nodes out for good, and lets them come again.</content>
internal sealed partial class NodeApi
{
    /// <inheritdoc/>
    public override Task<V1.Node> Retire(V1.RetireNodeRequest request, ServerCallContext context) => StandAsync(request, context, tx =>
    {
        if (request.Reason.Length == 0)
        {
            throw Failures.Invalid("reason", "say why; whoever finds the node retired wants to know");
        }
        var (node, actor, reason) = (Find(tx, request.Name) ?? throw Failures.NotFound(Kind, request.Name), context.Caller().Actor, Reasons.Check(request.Reason));
        return request.Remove ? Remove(tx, node, actor, reason) : NodeStore.Retire(tx, node, actor, reason);
    });

    /// <inheritdoc/>
    public override Task<V1.Node> Reenroll(V1.ReenrollNodeRequest request, ServerCallContext context) => StandAsync(request, context, tx =>
        NodeStore.Reenrol(tx, request.Name, context.Caller().Actor, Reasons.Check(request.Reason)) ?? throw Failures.NotFound(Kind, request.Name));

    private static StoredNode Remove(WriteTransaction tx, StoredNode node, string actor, string reason)
    {
        if (!node.IsRetired)
        {
            NodeRemoval.Begin(tx, node, actor, reason);
        }
        else if (!NodeRemoval.WasClean(tx, node))
        {
            throw Failures.Precondition(
                $"Node {node.Name} was retired by {node.Decision!.Actor} as it is, because {node.Decision.Reason}; nobody reaches it any more to take off what QM Fleet brought. "
                + $"Let it in again with qmfleet node reenroll {node.Name}, and when it is there, retire it with --remove.");
        }
        return Find(tx, node.Name)!;
    }

    private Task<V1.Node> StandAsync(Google.Protobuf.IMessage request, ServerCallContext context, Func<WriteTransaction, StoredNode> decide) => mutations.RunAsync(
        request, context, () => Task.FromResult(new Mutation<V1.Node>(tx => decide(tx).ToWire(live))
        {
            // Its stream ends with its certificate.
            Stored = () =>
            {
                standing.Refresh();
                certificates.Refresh();
            },
        }));
}
