using System.Globalization;
using Grpc.Core;
using Qm.Fleet.Controller.Plans;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.Plans;

namespace Qm.Fleet.Controller.Api;

/// <inheritdoc/>
internal sealed class RevisionApi(FleetStore fleets) : V1.RevisionService.RevisionServiceBase
{
    /// <inheritdoc/>
    public override Task<V1.Revision> Get(V1.GetRevisionRequest request, ServerCallContext context) =>
        Task.FromResult(Find(request.Fleet, request.Name).ToWire());

    /// <inheritdoc/>
    public override Task<V1.ListRevisionsResponse> List(V1.ListRevisionsRequest request, ServerCallContext context)
    {
        var size = Pages.Size(request.PageSize);
        var (fleet, number) = Position(Pages.Last(request.PageToken));
        var (items, next) = Pages.Cut(
            fleets.Revisions(request.Fleet, fleet, number, size + 1), size,
            static revision => string.Create(CultureInfo.InvariantCulture, $"{revision.Fleet}/{revision.Number}"));
        return Task.FromResult(new V1.ListRevisionsResponse { Revisions = { items.Select(WireResources.ToWire) }, NextPageToken = next });
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

    private static (string Fleet, long Number) Position(string last) => last.Split('/') switch
    {
        [""] => ("", 0),
        [var fleet, var text] when long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) => (fleet, number),
        _ => throw Failures.Invalid("page_token", "it is not the next_page_token of an answer"),
    };
}
