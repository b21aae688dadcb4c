using Grpc.Core;
using Qm.Fleet.V1;

namespace Qm.Fleet.Cli.Tests.Server;

/// <summary>A SiteService over a list.</summary>
internal sealed class FakeSites : SiteService.SiteServiceBase
{
    public List<Site> Stored { get; } = [];

    public override Task<Site> Get(GetSiteRequest request, ServerCallContext context) => Task.FromResult(
        Stored.Find(site => site.Metadata.Name == request.Name) ?? throw new RpcException(new(StatusCode.NotFound, $"Site {request.Name} not found")));

    public override Task<ListSitesResponse> List(ListSitesRequest request, ServerCallContext context) => Task.FromResult(new ListSitesResponse { Sites = { Stored } });
}
