using System.Collections.Immutable;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Qm.Fleet.Controller.Api.Lists;
using Qm.Fleet.Controller.Reconcile;
using Qm.Fleet.Controller.Storage;

namespace Qm.Fleet.Controller.Api;

/// <inheritdoc/>
internal sealed class SiteApi(SiteStore sites, BlueChiLink blueChi) : V1.SiteService.SiteServiceBase
{
    private static readonly ImmutableSortedDictionary<string, string> NoLabels = ImmutableSortedDictionary<string, string>.Empty;

    /// <inheritdoc/>
    public override Task<V1.Site> Get(V1.GetSiteRequest request, ServerCallContext context) =>
        Task.FromResult(ToWire(sites.Find(request.Name) ?? throw Failures.NotFound("site", request.Name)));

    /// <inheritdoc/>
    public override Task<V1.ListSitesResponse> List(V1.ListSitesRequest request, ServerCallContext context)
    {
        var page = ListQuery<V1.Site>.Read(new(request.PageSize, request.PageToken)).ByName(sites.After, static site => site.Name, static _ => NoLabels, ToWire);
        return Task.FromResult(new V1.ListSitesResponse { Sites = { page.Items }, NextPageToken = page.Next });
    }

    private V1.Site ToWire(StoredSite site) => new()
    {
        Metadata = new() { Name = site.Name, Uid = site.Uid, Generation = 1, CreatedAt = site.CreatedAt.ToTimestamp() },
        Spec = new() { Address = site.Address },
        Status = new() { Conditions = { blueChi.ToWire("Connected") } },
    };
}
