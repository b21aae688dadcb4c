using Google.Protobuf;
using Google.Rpc;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Qm.Fleet.Controller.Artifacts;
using Qm.Fleet.Controller.Storage;

namespace Qm.Fleet.Controller.Tests.Artifacts;

/// <summary>Archives as people push them, whole and otherwise.</summary>
public sealed class PushTests
{
    private static readonly PushedFile File = new(300_000);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    [Trait("Requirement", "QMF-ARTIFACT-001")]
    public async Task Push_Whole_IsKeptListedAndAudited()
    {
        await using var controller = await RunningController.StartAsync();
        var client = new V1.ArtifactService.ArtifactServiceClient(controller.Admin());

        var pushed = await File.PushAsync(controller.Admin());

        Assert.Equal((File.Sha256, "qm-1.4.0.tar.zst", File.Content.Length, "admin:local-admin"), (pushed.Sha256, pushed.Name, pushed.SizeBytes, pushed.PushedBy));
        Assert.Equal([pushed], (await client.ListAsync(new(), cancellationToken: Ct)).Artifacts);
        Assert.Equal(new V1.GetUploadResponse { HaveBytes = File.Content.Length, Artifact = pushed }, await client.GetUploadAsync(new() { Sha256 = File.Sha256 }, cancellationToken: Ct));
        Assert.Equal([File.Sha256], Names(controller));
        Assert.Equal(File.Content, await System.IO.File.ReadAllBytesAsync(Path.Combine(Folder(controller), File.Sha256), Ct));
        var entry = Assert.Single(controller.Service<EventLog>().After(0, "", "", 10)).Draft;
        Assert.Equal(("ArtifactPushed", "admin:local-admin"), (entry.Reason, entry.Actor));
        Assert.Contains(File.Sha256, entry.Message, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Requirement", "QMF-ARTIFACT-001")]
    public async Task Push_SameAgain_ChangesNothing()
    {
        await using var controller = await RunningController.StartAsync();
        var first = await File.PushAsync(controller.Admin());

        Assert.Equal(first, await PushedFile.PushAsync(controller.Local(), new(File.Header()) { Name = "other.tar" }, default));
        Assert.Single(controller.Service<EventLog>().After(0, "", "", 10));
    }

    [Fact]
    [Trait("Requirement", "QMF-ARTIFACT-001")]
    public async Task Push_ThatEndsEarly_GoesOnFromThereAfterARestartToo()
    {
        using var folder = new TemporaryFolder();
        const int Half = 150_000;
        await using (var controller = await RunningController.StartAsync(adjust: options => options.State = folder["state"]))
        {
            var (code, reason, message) = await PushedFile.RefusalAsync(controller.Admin(), File.Header(), File.Content.AsMemory(0, Half));
            Assert.Equal((StatusCode.Aborted, "INCOMPLETE"), (code, reason));
            Assert.Contains("150000 of 300000 bytes", message, StringComparison.Ordinal);
            Assert.Empty(controller.Service<ArtifactStore>().All());
        }

        await using var next = await RunningController.StartAsync(adjust: options => options.State = folder["state"]);
        var client = new V1.ArtifactService.ArtifactServiceClient(next.Admin());
        Assert.Equal(Half, (await client.GetUploadAsync(new() { Sha256 = File.Sha256 }, cancellationToken: Ct)).HaveBytes);
        Assert.Equal("OTHER_OFFSET", (await PushedFile.RefusalAsync(next.Admin(), File.Header(100), File.Content.AsMemory(100))).Reason);
        await PushedFile.PushAsync(next.Admin(), File.Header(Half), File.Content.AsMemory(Half));
        Assert.Equal([File.Sha256], Names(next));
        Assert.Equal(File.Content, await System.IO.File.ReadAllBytesAsync(Path.Combine(Folder(next), File.Sha256), Ct));
    }

    [Fact]
    [Trait("Requirement", "QMF-ARTIFACT-001")]
    public async Task Push_ClientThatGoesAway_LeavesWhatCame()
    {
        await using var controller = await RunningController.StartAsync();
        var client = new V1.ArtifactService.ArtifactServiceClient(controller.Admin());
        using var gone = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        using var call = client.Push(cancellationToken: gone.Token);
        await call.RequestStream.WriteAsync(new() { Header = File.Header() }, Ct);
        await call.RequestStream.WriteAsync(new() { Data = ByteString.CopyFrom(File.Content, 0, 1000) }, Ct);
        while ((await client.GetUploadAsync(new() { Sha256 = File.Sha256 }, cancellationToken: Ct)).HaveBytes < 1000)
        {
            await Task.Yield();
        }

        Assert.Equal("BUSY", (await PushedFile.RefusalAsync(controller.Admin(), File.Header(), File.Content)).Reason);
        await gone.CancelAsync();
        await Assert.ThrowsAsync<RpcException>(async () => await call.ResponseAsync);

        await PushUntilFreeAsync(controller, 1000);
        Assert.Equal([File.Sha256], Names(controller));
    }

    [Fact]
    [Trait("Requirement", "QMF-ARTIFACT-002")]
    public async Task Push_WrongDigest_IsRefusedWithTheRightOneAndNothingIsLeft()
    {
        await using var controller = await RunningController.StartAsync();
        var header = new V1.PushArtifactHeader(File.Header()) { Sha256 = new('a', 64) };

        var (code, _, message) = await PushedFile.RefusalAsync(controller.Admin(), header, File.Content);

        Assert.Equal(StatusCode.InvalidArgument, code);
        Assert.Contains(File.Sha256, message, StringComparison.Ordinal);
        AssertNothingLeft(controller);
    }

    [Fact]
    [Trait("Requirement", "QMF-ARTIFACT-002")]
    public async Task Push_MoreThanAnnounced_IsRefusedAndNothingIsLeft()
    {
        await using var controller = await RunningController.StartAsync();
        var header = new V1.PushArtifactHeader(File.Header()) { SizeBytes = 1000 };

        Assert.Equal(StatusCode.InvalidArgument, (await PushedFile.RefusalAsync(controller.Admin(), header, File.Content)).Code);
        AssertNothingLeft(controller);
    }

    [Fact]
    [Trait("Requirement", "QMF-ARTIFACT-002")]
    public async Task Push_BadHeader_NamesEveryProblem()
    {
        await using var controller = await RunningController.StartAsync();
        var bad = new V1.PushArtifactHeader { Sha256 = "../../etc/passwd", Name = "../qm.tar", SizeBytes = (8L << 30) + 1, OffsetBytes = -1 };

        var error = await Assert.ThrowsAsync<RpcException>(() => PushedFile.PushAsync(controller.Admin(), bad, default));

        Assert.Equal(StatusCode.InvalidArgument, error.StatusCode);
        Assert.Equal(
            ["header.sha256", "header.name", "header.size_bytes", "header.offset_bytes"],
            error.GetRpcStatus()!.GetDetail<BadRequest>()!.FieldViolations.Select(static problem => problem.Field));
        AssertNothingLeft(controller);
    }

    [Theory]
    [InlineData("")]
    [InlineData(".")]
    [InlineData("..")]
    [InlineData("a/b")]
    [InlineData("a\nb")]
    [InlineData("\u001b[2J")]
    [Trait("Requirement", "QMF-ARTIFACT-002")]
    public async Task Push_NameOfNoFile_IsRefused(string name)
    {
        await using var controller = await RunningController.StartAsync();
        Assert.Contains("header.name", (await PushedFile.RefusalAsync(controller.Admin(), new(File.Header()) { Name = name }, File.Content)).Message, StringComparison.Ordinal);
        AssertNothingLeft(controller);
    }

    [Fact]
    [Trait("Requirement", "QMF-ARTIFACT-002")]
    public async Task Push_DataFirstHeaderTwiceOrNothing_IsRefused()
    {
        await using var controller = await RunningController.StartAsync();
        Assert.Equal(StatusCode.InvalidArgument, (await PushedFile.RefusalAsync(controller.Admin(), null, File.Content)).Code);
        Assert.Equal(StatusCode.InvalidArgument, (await PushedFile.RefusalAsync(controller.Admin(), null, default)).Code);
        using var call = new V1.ArtifactService.ArtifactServiceClient(controller.Admin()).Push(cancellationToken: Ct);
        await call.RequestStream.WriteAsync(new() { Header = File.Header() }, Ct);
        await call.RequestStream.WriteAsync(new() { Header = File.Header() }, Ct);
        Assert.Equal(StatusCode.InvalidArgument, (await Assert.ThrowsAsync<RpcException>(async () => await call.ResponseAsync)).StatusCode);
        AssertNothingLeft(controller);
    }

    [Fact]
    [Trait("Requirement", "QMF-ARTIFACT-002")]
    public async Task Push_MoreThanTheSpace_IsRefusedBeforeAByteIsWritten()
    {
        await using var controller = await RunningController.StartAsync(adjust: static options => options.ArtifactSpaceBytes = 1 << 20);
        await new PushedFile(800_000, seed: 2).PushAsync(controller.Admin());

        var (code, reason, message) = await PushedFile.RefusalAsync(controller.Admin(), File.Header(), File.Content);

        Assert.Equal((StatusCode.ResourceExhausted, "NO_ROOM"), (code, reason));
        Assert.Contains("--artifact-space", message, StringComparison.Ordinal);
        Assert.Single(Names(controller));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    [Trait("Requirement", "QMF-ARTIFACT-002")]
    public async Task Push_DiskThatIsFullOrRunsFull_IsRefusedAndNothingIsLeft(int looks)
    {
        using var folder = new TemporaryFolder();
        var left = looks;
        var files = new ArtifactFolder(folder["state"], _ => left-- > 0 ? 1L << 40 : 256L << 20, new FolderCalls());
        await using var controller = await RunningController.StartAsync(services => services.Replace(ServiceDescriptor.Singleton(files)), options => options.State = folder["state"]);

        var (code, reason, message) = await PushedFile.RefusalAsync(controller.Admin(), File.Header(), File.Content);

        Assert.Equal((StatusCode.ResourceExhausted, "DISK_FULL"), (code, reason));
        Assert.Contains("0 are free", message, StringComparison.Ordinal);
        AssertNothingLeft(controller);
    }

    [Fact]
    [Trait("Requirement", "QMF-ARTIFACT-002")]
    public async Task Push_FolderThatCannotBeWritten_SaysWhy()
    {
        await using var controller = await RunningController.StartAsync();
        Directory.Delete(Folder(controller));
        await System.IO.File.WriteAllTextAsync(Folder(controller), "in the way", Ct);

        Assert.Equal("DISK_FULL", (await PushedFile.RefusalAsync(controller.Admin(), File.Header(), File.Content)).Reason);
    }

    [Fact]
    [Trait("Requirement", "QMF-ARTIFACT-002")]
    public async Task Push_NothingComes_EndsAndKeepsWhatCame()
    {
        await using var controller = await RunningController.StartAsync(static services => services.Replace(ServiceDescriptor.Singleton(new ArtifactLimits { PushStall = TimeSpan.FromMilliseconds(200) })));
        using var call = new V1.ArtifactService.ArtifactServiceClient(controller.Admin()).Push(cancellationToken: Ct);
        await call.RequestStream.WriteAsync(new() { Header = File.Header() }, Ct);
        await call.RequestStream.WriteAsync(new() { Data = ByteString.CopyFrom(File.Content, 0, 1000) }, Ct);

        var error = await Assert.ThrowsAsync<RpcException>(async () => await call.ResponseAsync);

        Assert.Contains("Nothing came for 0.2 s, at 1000 of 300000 bytes", error.Status.Detail, StringComparison.Ordinal);
        Assert.Equal([$"{File.Sha256}.part"], Names(controller));
    }

    [Fact]
    [Trait("Requirement", "QMF-ARTIFACT-002")]
    public async Task Push_MoreThanSoManyAtATime_IsRefused()
    {
        await using var controller = await RunningController.StartAsync(static services => services.Replace(ServiceDescriptor.Singleton(new ArtifactLimits { Pushes = 1 })));
        var client = new V1.ArtifactService.ArtifactServiceClient(controller.Admin());
        using var call = client.Push(cancellationToken: Ct);
        await call.RequestStream.WriteAsync(new() { Header = File.Header() }, Ct);
        await call.RequestStream.WriteAsync(new() { Data = ByteString.CopyFrom(File.Content, 0, 1000) }, Ct);
        while ((await client.GetUploadAsync(new() { Sha256 = File.Sha256 }, cancellationToken: Ct)).HaveBytes == 0)
        {
            await Task.Yield();
        }

        var other = new PushedFile(10, seed: 2);
        Assert.Equal("TOO_MANY_PUSHES", (await PushedFile.RefusalAsync(controller.Admin(), other.Header(), other.Content)).Reason);
    }

    [Fact]
    [Trait("Requirement", "QMF-ARTIFACT-001")]
    public async Task Start_AfterACrash_CollectsWhatIsNobodysAndTellsWhatIsLost()
    {
        using var folder = new TemporaryFolder();
        var (lost, damaged) = (new PushedFile(10, seed: 2), new PushedFile(20, seed: 3));
        await using (var controller = await RunningController.StartAsync(adjust: options => options.State = folder["state"]))
        {
            await File.PushAsync(controller.Admin());
            await lost.PushAsync(controller.Admin());
            await damaged.PushAsync(controller.Admin());
        }

        var files = folder["state/artifacts"];
        System.IO.File.Delete(Path.Combine(files, lost.Sha256));
        await System.IO.File.WriteAllBytesAsync(Path.Combine(files, damaged.Sha256), damaged.Content[1..], Ct);
        await System.IO.File.WriteAllTextAsync(Path.Combine(files, new string('b', 64)), "renamed, and never stored", Ct);
        await System.IO.File.WriteAllTextAsync(Path.Combine(files, new string('c', 64) + ".part"), "of yesterday", Ct);
        System.IO.File.SetLastWriteTimeUtc(Path.Combine(files, new string('c', 64) + ".part"), DateTime.UtcNow.AddHours(-25));
        await System.IO.File.WriteAllTextAsync(Path.Combine(files, new string('d', 64) + ".part"), "of today", Ct);
        await System.IO.File.WriteAllTextAsync(Path.Combine(files, "README"), "not ours", Ct);

        await using var next = await RunningController.StartAsync(adjust: options => options.State = folder["state"]);

        Assert.Equal(new[] { File.Sha256, new string('d', 64) + ".part", "README" }.Order(StringComparer.Ordinal), Names(next));
        Assert.Equal([File.Sha256], next.Service<ArtifactStore>().All().Select(static artifact => artifact.Sha256));
        Assert.Equal(
            new[] { lost.Sha256, damaged.Sha256 }.Order(StringComparer.Ordinal),
            next.Service<EventLog>().After(0, "", "", 10).Where(static entry => entry.Draft.Reason == "ArtifactLost").Select(static entry => entry.Draft.Message.Split(' ')[2].TrimEnd(':')).Order(StringComparer.Ordinal));
    }

    // The controller learns a little later than the client that the client went away.
    private static async Task PushUntilFreeAsync(RunningController controller, int from)
    {
        while (true)
        {
            try
            {
                await PushedFile.PushAsync(controller.Admin(), File.Header(from), File.Content.AsMemory(from));
                return;
            }
            catch (RpcException e) when (e.GetRpcStatus()?.GetDetail<ErrorInfo>()?.Reason == "BUSY")
            {
                await Task.Yield();
            }
        }
    }

    private static void AssertNothingLeft(RunningController controller)
    {
        Assert.Empty(Names(controller));
        Assert.Empty(controller.Service<ArtifactStore>().All());
        Assert.Empty(controller.Service<EventLog>().After(0, "", "", 10));
    }

    private static string Folder(RunningController controller) => Path.Combine(controller.Options.State, "artifacts");

    private static IEnumerable<string> Names(RunningController controller) =>
        Directory.EnumerateFiles(Folder(controller)).Select(static path => Path.GetFileName(path)).Order(StringComparer.Ordinal);
}
