using Grpc.Core;
using Qm.Fleet.Controller.Reconcile;
using Qm.Fleet.Controller.Security;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.Reconcile;

namespace Qm.Fleet.Controller.Api;

/// <inheritdoc/>
internal sealed class HostUnitApi(HostUnitStore store, HostUnits listed, Mutations mutations) : V1.HostUnitService.HostUnitServiceBase
{
    /// <inheritdoc/>
    public override Task<V1.ListHostUnitsResponse> List(V1.ListHostUnitsRequest request, ServerCallContext context) =>
        Task.FromResult(new V1.ListHostUnitsResponse { HostUnits = { store.Load() } });

    /// <inheritdoc/>
    public override Task<V1.HostUnit> Allow(V1.AllowHostUnitRequest request, ServerCallContext context) => mutations.RunAsync(request, context, () =>
    {
        var asked = request.HostUnit ?? new V1.HostUnit();
        var parsed = HostUnit.Parse(asked.Unit, asked.Reason, asked.Selector);
        return parsed.IsValid(out var unit)
            ? Task.FromResult(Change(tx => HostUnitStore.Allow(tx, unit, context.Caller().Actor)
                ?? throw Failures.Precondition($"There are {HostUnitStore.Most} units listed already; remove one that nobody needs.")))
            : throw Failures.Invalid(parsed.Problems);
    });

    /// <inheritdoc/>
    public override Task<V1.HostUnit> Remove(V1.RemoveHostUnitRequest request, ServerCallContext context) => mutations.RunAsync(
        request, context, () => Task.FromResult(Change(tx => HostUnitStore.Remove(tx, request.Unit, context.Caller().Actor) ?? throw Failures.NotFound("host unit", request.Unit))));

    private Mutation<V1.HostUnit> Change(Func<WriteTransaction, V1.HostUnit> write) => new(write) { Stored = () => listed.Refresh() };
}
