using Google.Rpc;
using Grpc.Core;
using Qm.Fleet.Controller.Storage;

namespace Qm.Fleet.Controller.Tests.Artifacts;

/// <summary>Archives and the fleets that name them.</summary>
public sealed class ArtifactUseTests
{
    private static readonly PushedFile File = new(1000);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    [Trait("Requirement", "QMF-ARTIFACT-003")]
    public async Task ApplyAndPlan_ArchiveThatIsNotHere_IsRefusedBesideEveryOtherProblem()
    {
        await using var controller = await RunningController.StartAsync();
        var fleets = new V1.FleetService.FleetServiceClient(controller.Admin());
        var bad = Fleet();
        bad.Spec.Selector = "";
        V1.Fleet[] asked = [Fleet(), bad];
        asked[1].Metadata.Name = "rear";

        var errors = new[]
        {
            await Assert.ThrowsAsync<RpcException>(async () => await fleets.ApplyAsync(new() { Fleets = { asked } }, cancellationToken: Ct)),
            await Assert.ThrowsAsync<RpcException>(async () => await fleets.PlanAsync(new() { Fleets = { asked } }, cancellationToken: Ct)),
        };

        Assert.All(errors, error =>
        {
            Assert.Equal(StatusCode.InvalidArgument, error.StatusCode);
            var problems = error.GetRpcStatus()!.GetDetail<BadRequest>()!.FieldViolations.ToDictionary(static problem => problem.Field, static problem => problem.Description);
            Assert.Contains("qmfleet artifact push", problems["fleets[0].spec.environment.rootfs.archive.sha256"], StringComparison.Ordinal);
            Assert.Contains("fleets[1].spec.selector", problems.Keys);
        });
        Assert.Empty((await fleets.ListAsync(new(), cancellationToken: Ct)).Fleets);
    }

    [Fact]
    [Trait("Requirement", "QMF-ARTIFACT-003")]
    public async Task Delete_WhileARevisionNamesIt_IsRefusedAndSaysWhich()
    {
        await using var controller = await RunningController.StartAsync();
        var (client, fleets) = (new V1.ArtifactService.ArtifactServiceClient(controller.Admin()), new V1.FleetService.FleetServiceClient(controller.Admin()));
        await File.PushAsync(controller.Admin());
        var applied = Assert.Single((await fleets.ApplyAsync(new() { Fleets = { Fleet() } }, cancellationToken: Ct)).Results).Fleet;
        var user = $"cockpit/{applied.Status.Revision}";
        Assert.Equal([user], Assert.Single((await client.ListAsync(new(), cancellationToken: Ct)).Artifacts).UsedBy);

        // Kept for the way back, after the fleet has another.
        await fleets.ApplyAsync(new() { Fleets = { Samples.Fleet() } }, cancellationToken: Ct);
        var refused = await Assert.ThrowsAsync<RpcException>(async () => await client.DeleteAsync(new() { Sha256 = File.Sha256 }, cancellationToken: Ct));
        Assert.Equal(StatusCode.FailedPrecondition, refused.StatusCode);
        Assert.Contains(user, refused.Status.Detail, StringComparison.Ordinal);

        await fleets.DeleteAsync(new() { Name = "cockpit", OnDelete = "orphan" }, cancellationToken: Ct);
        var delete = new V1.DeleteArtifactRequest { Sha256 = File.Sha256, RequestId = Guid.NewGuid().ToString(), DryRun = true };
        Assert.Empty((await client.DeleteAsync(delete, cancellationToken: Ct)).UsedBy);
        Assert.Single((await client.ListAsync(new(), cancellationToken: Ct)).Artifacts);
        delete.DryRun = false;
        var deleted = await client.DeleteAsync(delete, cancellationToken: Ct);
        Assert.Equal(deleted, await client.DeleteAsync(delete, cancellationToken: Ct));
        Assert.Empty(Directory.EnumerateFiles(Path.Combine(controller.Options.State, "artifacts")));
        var entry = controller.Service<EventLog>().After(0, "", "", 100)[^1].Draft;
        Assert.Equal(("ArtifactDeleted", "admin:local-admin"), (entry.Reason, entry.Actor));
        Assert.Equal(StatusCode.NotFound, (await Assert.ThrowsAsync<RpcException>(async () => await client.DeleteAsync(new() { Sha256 = File.Sha256 }, cancellationToken: Ct))).StatusCode);
    }

    [Fact]
    [Trait("Requirement", "QMF-ARTIFACT-003")]
    public async Task Delete_ArchiveThatFleetsBringFromElsewhere_IsDone()
    {
        await using var controller = await RunningController.StartAsync();
        await File.PushAsync(controller.Admin());
        var elsewhere = Fleet();
        elsewhere.Spec.Environment.Rootfs.Archive.Url = "https://artifacts.example/qm.tar.zst";
        await new V1.FleetService.FleetServiceClient(controller.Admin()).ApplyAsync(new() { Fleets = { elsewhere } }, cancellationToken: Ct);

        var deleted = await new V1.ArtifactService.ArtifactServiceClient(controller.Admin()).DeleteAsync(new() { Sha256 = File.Sha256 }, cancellationToken: Ct);

        Assert.Equal(File.Sha256, deleted.Sha256);
    }

    [Theory]
    [InlineData("")]
    [InlineData("..")]
    [InlineData("../pki/ca/ca.key")]
    [Trait("Requirement", "QMF-ARTIFACT-002")]
    public async Task DeleteAndGetUpload_NoDigest_AreRefused(string sha256)
    {
        await using var controller = await RunningController.StartAsync();
        var client = new V1.ArtifactService.ArtifactServiceClient(controller.Admin());
        Assert.Equal(StatusCode.InvalidArgument, (await Assert.ThrowsAsync<RpcException>(async () => await client.DeleteAsync(new() { Sha256 = sha256 }, cancellationToken: Ct))).StatusCode);
        Assert.Equal(StatusCode.InvalidArgument, (await Assert.ThrowsAsync<RpcException>(async () => await client.GetUploadAsync(new() { Sha256 = sha256 }, cancellationToken: Ct))).StatusCode);
    }

    [Fact]
    [Trait("Requirement", "QMF-ARTIFACT-003")]
    public async Task Apply_ArchiveDeletedMeanwhile_StoresNothing()
    {
        using var store = await Storage.StoreFixture.OpenAsync();
        var before = store.Dump();

        var error = await Assert.ThrowsAsync<MissingArtifactException>(() => store.ApplyAsync(Fleet()));

        Assert.Contains(File.Sha256, error.Message, StringComparison.Ordinal);
        Assert.Equal(before, store.Dump());
    }

    private static V1.Fleet Fleet()
    {
        var fleet = Samples.Fleet();
        fleet.Spec.Environment.Rootfs = new() { Archive = new() { Sha256 = File.Sha256 } };
        return fleet;
    }
}
