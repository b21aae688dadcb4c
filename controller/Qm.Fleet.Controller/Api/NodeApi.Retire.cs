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
        return NodeStore.Retire(tx, Find(tx, request.Name) ?? throw Failures.NotFound(Kind, request.Name), context.Caller().Actor, Reasons.Check(request.Reason));
    });

    /// <inheritdoc/>
    public override Task<V1.Node> Reenroll(V1.ReenrollNodeRequest request, ServerCallContext context) => StandAsync(request, context, tx =>
        NodeStore.Reenrol(tx, request.Name, context.Caller().Actor, Reasons.Check(request.Reason)) ?? throw Failures.NotFound(Kind, request.Name));

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
