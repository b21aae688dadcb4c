using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Qm.Fleet.V1;

namespace Qm.Fleet.Cli.Tests.Server;

/// <summary>A HostUnitService over a list.</summary>
internal sealed class FakeHostUnits : HostUnitService.HostUnitServiceBase
{
    public List<HostUnit> Units { get; } = [];

    public override Task<ListHostUnitsResponse> List(ListHostUnitsRequest request, ServerCallContext context) => Task.FromResult(new ListHostUnitsResponse { HostUnits = { Units } });

    public override Task<HostUnit> Allow(AllowHostUnitRequest request, ServerCallContext context)
    {
        var listed = request.HostUnit.Clone();
        (listed.CreatedAt, listed.CreatedBy) = (Timestamp.FromDateTimeOffset(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero)), "admin:ann");
        if (!request.DryRun)
        {
            Units.RemoveAll(unit => unit.Unit == listed.Unit);
            Units.Add(listed);
        }

        return Task.FromResult(listed);
    }

    public override Task<HostUnit> Remove(RemoveHostUnitRequest request, ServerCallContext context)
    {
        var listed = Units.Find(unit => unit.Unit == request.Unit) ?? throw new RpcException(new(StatusCode.NotFound, $"There is no host unit \"{request.Unit}\"."));
        if (!request.DryRun)
        {
            Units.Remove(listed);
        }

        return Task.FromResult(listed);
    }
}
