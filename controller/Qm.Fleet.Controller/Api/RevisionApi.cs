using System.Collections.Immutable;
using Grpc.Core;
using Qm.Fleet.Controller.Api.Lists;
using Qm.Fleet.Controller.Plans;
using Qm.Fleet.Controller.Security;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.Plans;

namespace Qm.Fleet.Controller.Api;

/// <inheritdoc/>
internal sealed class RevisionApi(FleetStore fleets) : V1.RevisionService.RevisionServiceBase
{
    // By fleet, newest first.
    private static readonly ImmutableArray<bool> FleetAndNumber = [true, false];

    /// <inheritdoc/>
    public override Task<V1.Revision> Get(V1.GetRevisionRequest request, ServerCallContext context)
    {
        var mask = ReadMask.Check(V1.Revision.Descriptor, request.ReadMask);
        return Task.FromResult(mask.Apply(Find(request.Fleet, request.Name).ToWire()));
    }

    /// <inheritdoc/>
    public override Task<V1.ListRevisionsResponse> List(V1.ListRevisionsRequest request, ServerCallContext context)
    {
        var query = ListQuery<V1.Revision>.Read(new(request.PageSize, request.PageToken) { ReadMask = request.ReadMask, Scope = request.Fleet }, FleetAndNumber, context.View().Sees);
        var begin = query.After is [{ Text: { } fleet }, var number] ? (fleet, number.Number) : ("", 0L);
        var page = query.InOrder(
            Pages.All(begin, (after, limit) => fleets.Revisions(request.Fleet, after.Item1, after.Item2, limit), static revision => (revision.Fleet, revision.Number), query.Size + 1),
            WireResources.ToWire, static revision => [revision.Fleet, revision.Number]);
        return Task.FromResult(new V1.ListRevisionsResponse { Revisions = { page.Items }, NextPageToken = page.Next });
    }

    /// <inheritdoc/>
    public override Task<V1.DiffRevisionsResponse> Diff(V1.DiffRevisionsRequest request, ServerCallContext context)
    {
        var fleet = fleets.Find(request.Fleet) ?? throw Failures.NotFound("fleet", request.Fleet);
        var to = Revision(request.To.Length > 0 ? request.To : fleet.Revision);
        var from = request.From.Length > 0 ? Revision(request.From) : fleets.Revisions(fleet.Name, fleet.Name, to.Number, 1) is [var before] ? before : null;
        var changes = RevisionDiff.Of(from is null ? null : FleetRows.Environment(fleet, from), FleetRows.Environment(fleet, to));
        return Task.FromResult(new V1.DiffRevisionsResponse { From = from?.Name ?? "", To = to.Name, Changes = { changes.Select(PlanWire.ToWire) } });

        StoredRevision Revision(string name) => Find(fleet.Name, name);
    }

    private StoredRevision Find(string fleet, string name) =>
        fleets.Revision(fleet, name) ?? throw Failures.NotFound("revision", $"{fleet}/{name}");
}
