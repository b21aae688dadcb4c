using System.Net;
using System.Net.Http.Headers;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Qm.Fleet.Controller.Artifacts;

namespace Qm.Fleet.Controller.Tests.Artifacts;

/// <summary>Archives as nodes fetch them, and as others try to.</summary>
public sealed class FetchTests
{
    private static readonly PushedFile File = new(300_000);

    // More than what lies in buffers on its way.
    private static readonly PushedFile Large = new(8 << 20);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(null, null, HttpStatusCode.OK, 0, 300_000)]
    [InlineData(0, null, HttpStatusCode.OK, 0, 300_000)]
    [InlineData(100_000, null, HttpStatusCode.PartialContent, 100_000, 200_000)]
    [InlineData(299_999, null, HttpStatusCode.PartialContent, 299_999, 1)]
    [InlineData(5, 9, HttpStatusCode.OK, 0, 300_000)]
    [Trait("Requirement", "QMF-ARTIFACT-004")]
    public async Task Get_Range_GivesTheRestOrEverything(int? from, int? to, HttpStatusCode status, int offset, int length)
    {
        await using var controller = await StartAsync();
        var node = controller.Http("ecu1");

        using var response = await GetAsync(node, File, from is null ? null : new RangeHeaderValue(from, to));

        Assert.Equal((status, length), (response.StatusCode, response.Content.Headers.ContentLength));
        Assert.Equal(status == HttpStatusCode.PartialContent ? new ContentRangeHeaderValue(offset, 299_999, 300_000) : null, response.Content.Headers.ContentRange);
        Assert.Equal(File.Content[offset..], await response.Content.ReadAsByteArrayAsync(Ct));
    }

    [Fact]
    [Trait("Requirement", "QMF-ARTIFACT-004")]
    public async Task Get_RangeBehindTheEnd_SaysTheSize()
    {
        await using var controller = await StartAsync();
        var node = controller.Http("ecu1");
        using var response = await GetAsync(node, File, new RangeHeaderValue(300_000, null));
        Assert.Equal((HttpStatusCode.RequestedRangeNotSatisfiable, 300_000), (response.StatusCode, response.Content.Headers.ContentRange?.Length));
    }

    [Theory]
    [InlineData("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]
    [InlineData("fleet.db")]
    [InlineData("..%2Fpki%2Fca%2Fca.key")]
    [InlineData("%2E%2E%2Ffleet.db")]
    [Trait("Requirement", "QMF-ARTIFACT-004")]
    public async Task Get_WhatIsNoArchiveHere_IsNotFound(string name)
    {
        await using var controller = await StartAsync();
        var node = controller.Http("ecu1");
        using var response = await node.SendAsync(new(HttpMethod.Get, new Uri($"/artifacts/{name}", UriKind.Relative)) { Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact }, Ct);
        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
    }

    [Fact]
    [Trait("Requirement", "QMF-ARTIFACT-004"), Trait("Requirement", "QMF-RULE-12")]
    public async Task Get_ByAnAdministrator_IsForbiddenAndWithoutACertificateCutOff()
    {
        await using var controller = await StartAsync();
        var admin = controller.Http("");
        var nobody = controller.Http(null);

        using var response = await GetAsync(admin, File);

        Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
        await Assert.ThrowsAsync<HttpRequestException>(() => GetAsync(nobody, File));
    }

    [Fact]
    [Trait("Requirement", "QMF-ARTIFACT-004")]
    public async Task Get_MoreNodesThanAtATime_AreAskedToComeAgainOneAfterTheOther()
    {
        await using var controller = await StartAsync(new() { Fetches = 1 }, Large);
        var first = controller.Http("ecu1");
        var second = controller.Http("ecu2");
        using var busy = await GetAsync(first, Large);
        Assert.Equal(HttpStatusCode.OK, busy.StatusCode);

        using var refused = await GetAsync(second, Large);
        using var again = await GetAsync(second, Large);
        Assert.Equal((HttpStatusCode.ServiceUnavailable, 5.0), (refused.StatusCode, refused.Headers.RetryAfter?.Delta?.TotalSeconds));
        Assert.Equal((HttpStatusCode.ServiceUnavailable, 6.0), (again.StatusCode, again.Headers.RetryAfter?.Delta?.TotalSeconds));

        await busy.Content.ReadAsByteArrayAsync(Ct);
        HttpResponseMessage free;
        while ((free = await GetAsync(second, Large)).StatusCode == HttpStatusCode.ServiceUnavailable)
        {
            free.Dispose();
        }

        using (free)
        {
            Assert.Equal(HttpStatusCode.OK, free.StatusCode);
        }
    }

    [Fact]
    [Trait("Requirement", "QMF-ARTIFACT-004")]
    public async Task Get_SameNodeOnceMore_EndsTheFetchBefore()
    {
        await using var controller = await StartAsync(new() { Fetches = 1 }, Large);
        var before = controller.Http("ecu1");
        var after = controller.Http("ecu1");
        using var old = await GetAsync(before, Large);

        using var response = await GetAsync(after, Large);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        await Assert.ThrowsAnyAsync<Exception>(() => old.Content.ReadAsByteArrayAsync(Ct));
        Assert.Equal(Large.Content, await response.Content.ReadAsByteArrayAsync(Ct));
    }

    [Fact]
    [Trait("Requirement", "QMF-ARTIFACT-004")]
    public async Task Get_NodeThatDoesNotRead_IsCutOffAndItsPlaceIsFree()
    {
        await using var controller = await StartAsync(new() { Fetches = 1, FetchStall = TimeSpan.FromMilliseconds(200) }, Large);
        var slow = controller.Http("ecu1");
        var second = controller.Http("ecu2");
        using var unread = await GetAsync(slow, Large);

        HttpResponseMessage response;
        while ((response = await GetAsync(second, Large)).StatusCode == HttpStatusCode.ServiceUnavailable)
        {
            response.Dispose();
        }

        using (response)
        {
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        }

        await Assert.ThrowsAnyAsync<Exception>(() => unread.Content.ReadAsByteArrayAsync(Ct));
    }

    private static async Task<RunningController> StartAsync(ArtifactLimits? limits = null, PushedFile? file = null)
    {
        var controller = await RunningController.StartAsync(services => services.Replace(ServiceDescriptor.Singleton(limits ?? new())));
        await (file ?? File).PushAsync(controller.Admin());
        return controller;
    }

    private static async Task<HttpResponseMessage> GetAsync(HttpClient client, PushedFile file, RangeHeaderValue? range = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri($"/artifacts/{file.Sha256}", UriKind.Relative))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Headers = { Range = range },
        };
        return await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Ct);
    }
}
