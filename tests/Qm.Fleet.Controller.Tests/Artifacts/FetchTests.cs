using System.Net;
using System.Net.Http.Headers;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Qm.Fleet.Controller.Artifacts;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.Rollouts;

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
    public async Task Get_ByAnAdministrator_IsForbiddenAndByNobodyUnauthorized()
    {
        await using var controller = await StartAsync();
        var admin = controller.Http("");
        var nobody = controller.Http(null);

        using var response = await GetAsync(admin, File);

        Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
        using var unknown = await GetAsync(nobody, File);
        Assert.Equal(HttpStatusCode.Unauthorized, unknown.StatusCode);
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

    [Fact]
    [Trait("Requirement", "QMF-ARTIFACT-005"), Trait("Requirement", "QMF-RULE-12")]
    public async Task Get_ByANodeOfAnotherFleetOrOfNone_IsForbiddenAndSaysWhy()
    {
        await using var controller = await StartAsync();
        await ApplyAsync(controller, Samples.Fleet("rear"), ("ecu3", ""));

        foreach (var name in new[] { "ecu3", "ecu4" })
        {
            var node = controller.Http(name);
            using var response = await GetAsync(node, File);

            Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
            Assert.Equal($"Neither the revision that {name} shall have nor the one it comes from needs this archive.\n", await response.Content.ReadAsStringAsync(Ct));
        }
    }

    [Fact]
    [Trait("Requirement", "QMF-ARTIFACT-005")]
    public async Task Get_OfTheRevisionANodeComesFrom_IsGivenAndOfAnyEarlierForbidden()
    {
        await using var controller = await StartAsync();
        var (first, second) = (controller.Http("ecu1"), controller.Http("ecu2"));
        var before = controller.Service<FleetStore>().Find("cockpit")!.Revision;

        // Without the archive: the one comes from where it was, the other is new.
        var preinstalled = await ApplyAsync(controller, Samples.Fleet(), ("ecu1", before), ("ecu2", ""));
        using var back = await GetAsync(first, File);
        using var other = await GetAsync(second, File);
        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.Forbidden), (back.StatusCode, other.StatusCode));

        await ApplyAsync(controller, Samples.Fleet(memoryMax: "2G"), ("ecu1", preinstalled), ("ecu2", preinstalled));
        using var earlier = await GetAsync(first, File);
        Assert.Equal(HttpStatusCode.Forbidden, earlier.StatusCode);
    }

    [Fact]
    [Trait("Requirement", "QMF-ARTIFACT-005")]
    public async Task Get_OfARevisionThatBringsItFromElsewhereOrOfADeletedFleet_IsForbidden()
    {
        await using var controller = await StartAsync();
        var node = controller.Http("ecu1");
        var elsewhere = Fleet(File);
        elsewhere.Spec.Environment.Rootfs.Archive.Url = "https://artifacts.example/qm.tar.zst";
        await ApplyAsync(controller, elsewhere, ("ecu1", ""));
        using var fetched = await GetAsync(node, File);

        await ApplyAsync(controller, Fleet(File), ("ecu1", ""));
        using var again = await GetAsync(node, File);
        await new V1.FleetService.FleetServiceClient(controller.Admin()).DeleteAsync(new() { Name = "cockpit", OnDelete = "orphan" }, cancellationToken: Ct);
        using var orphan = await GetAsync(node, File);

        Assert.Equal((HttpStatusCode.Forbidden, HttpStatusCode.OK, HttpStatusCode.Forbidden), (fetched.StatusCode, again.StatusCode, orphan.StatusCode));
    }

    // Two nodes are to have it.
    private static async Task<RunningController> StartAsync(ArtifactLimits? limits = null, PushedFile? file = null)
    {
        var controller = await RunningController.StartAsync(services => services.Replace(ServiceDescriptor.Singleton(limits ?? new())));
        await (file ?? File).PushAsync(controller.Admin());
        await ApplyAsync(controller, Fleet(file ?? File), ("ecu1", ""), ("ecu2", ""));
        return controller;
    }

    private static V1.Fleet Fleet(PushedFile file)
    {
        var fleet = Samples.Fleet();
        fleet.Spec.Environment.Rootfs = new() { Archive = new() { Sha256 = file.Sha256 } };
        return fleet;
    }

    /// <summary>Applies a fleet, and has its rollout take in nodes with the revisions they come from, as the reconciler does.</summary>
    /// <returns>The fleet's revision.</returns>
    private static async Task<string> ApplyAsync(RunningController controller, V1.Fleet fleet, params (string Node, string Base)[] members)
    {
        await new V1.FleetService.FleetServiceClient(controller.Admin()).ApplyAsync(new() { Fleets = { fleet } }, cancellationToken: Ct);
        var store = controller.Service<IReconcileStore>();
        var applied = (await store.LoadDesiredAsync(Ct)).Fleets.Single(other => other.Name == fleet.Metadata.Name);
        var state = applied.Rollout!.State with
        {
            Members = RolloutState.NoMembers.AddRange(members.Select(static member => KeyValuePair.Create(member.Node, new RolloutMember(MemberState.Waiting, DateTimeOffset.UnixEpoch, member.Base)))),
        };
        Assert.True(await store.AdvanceAsync(applied.Uid, applied.Rollout, state, "", [], Ct));
        return applied.Revision;
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
