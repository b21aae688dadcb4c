using Google.Protobuf;
using Google.Rpc;
using Grpc.Core;
using Qm.Fleet.Controller.Api.Lists;
using Qm.Fleet.Controller.Operations;
using Qm.Fleet.Controller.Security;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.Access;
using Qm.Fleet.Core.Revisions;

namespace Qm.Fleet.Controller.Api;

/// <content>Units on the QM side of a node, and those of its host that an administrator listed.</content>
internal sealed partial class NodeApi
{
    private static readonly Dictionary<string, string> NoLabels = [];

    /// <inheritdoc/>
    public override Task<V1.Operation> RestartQm(V1.RestartQmRequest request, ServerCallContext context) =>
        AskAsync(request, new(OperationKind.RestartQm, request.Name, QmNode.Unit, request.Reason), context);

    /// <inheritdoc/>
    public override Task<V1.Operation> StartUnit(V1.StartUnitRequest request, ServerCallContext context) =>
        AskAsync(request, new(OperationKind.StartUnit, request.Node, request.Unit, request.Reason) { OnHost = request.OnHost }, context);

    /// <inheritdoc/>
    public override Task<V1.Operation> StopUnit(V1.StopUnitRequest request, ServerCallContext context) =>
        AskAsync(request, new(OperationKind.StopUnit, request.Node, request.Unit, request.Reason) { OnHost = request.OnHost }, context);

    /// <inheritdoc/>
    public override Task<V1.Operation> RestartUnit(V1.RestartUnitRequest request, ServerCallContext context) =>
        AskAsync(request, new(OperationKind.RestartUnit, request.Node, request.Unit, request.Reason) { OnHost = request.OnHost }, context);

    /// <inheritdoc/>
    public override Task<V1.Operation> FreezeUnit(V1.FreezeUnitRequest request, ServerCallContext context) =>
        AskAsync(request, new(OperationKind.FreezeUnit, request.Node, request.Unit, request.Reason) { OnHost = request.OnHost }, context);

    /// <inheritdoc/>
    public override Task<V1.Operation> ThawUnit(V1.ThawUnitRequest request, ServerCallContext context) =>
        AskAsync(request, new(OperationKind.ThawUnit, request.Node, request.Unit, request.Reason) { OnHost = request.OnHost }, context);

    /// <inheritdoc/>
    public override Task<V1.Operation> SetUnitProperties(V1.SetUnitPropertiesRequest request, ServerCallContext context) =>
        AskAsync(request, new(OperationKind.SetUnitProperties, request.Node, request.Unit, request.Reason) { Properties = request.Properties, OnHost = request.OnHost }, context);

    /// <inheritdoc/>
    public override async Task<V1.ListUnitsResponse> ListUnits(V1.ListUnitsRequest request, ServerCallContext context)
    {
        var query = ListQuery<V1.Unit>.Read(new(request.PageSize, request.PageToken)
        {
            Scope = string.Join('\n', request.Patterns.Prepend(request.Node)),
            Problems = UnitList.Check(request.Patterns),
        });
        var found = await units.ReadAsync(request.Node, request.Patterns, context.CancellationToken).ConfigureAwait(false);
        var page = query.ByName<V1.Unit>(
            (after, limit) => [.. found.SkipWhile(unit => string.CompareOrdinal(unit.Name, after) <= 0).Take(limit)], static unit => unit.Name, static _ => NoLabels, static unit => unit);
        await units.CompleteAsync(request.Node, page.Items, context.CancellationToken).ConfigureAwait(false);
        return new V1.ListUnitsResponse { Units = { page.Items }, NextPageToken = page.Next };
    }

    private Task<V1.Operation> AskAsync(IMessage request, UnitRequest asked, ServerCallContext context)
    {
        // Whoever may do something to units of QM may not for that do it to units outside.
        if (asked.OnHost && desk.Refusal(
            context.Caller(), AccessRules.ByMethod[context.Method].Verb, AccessResource.HostUnits, [new AccessTarget(Node: asked.Node, Unit: asked.Unit)]) is { } refusal)
        {
            throw Failures.Make(Code.PermissionDenied, "FORBIDDEN", refusal);
        }
        return mutations.RunAsync(request, context, () => requests.PrepareAsync(asked, context.Caller().Actor, Mutations.IsDryRun(request), context.CancellationToken));
    }
}
