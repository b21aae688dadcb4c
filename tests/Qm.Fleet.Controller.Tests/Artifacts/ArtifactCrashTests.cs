using Google.Protobuf;
using Grpc.Core;
using Qm.Fleet.Controller.Artifacts;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Controller.Tests.Storage;

namespace Qm.Fleet.Controller.Tests.Artifacts;

/// <summary>Kills at every call that changes the folder of the archives; the database commits between two of them.</summary>
[Trait("Requirement", "QMF-ARTIFACT-001")]
[Trait("Requirement", "QMF-RULE-1")]
public sealed class ArtifactCrashTests
{
    private const int Piece = 1000;
    private static readonly PushedFile File = new(3 * Piece);
    private static readonly PushedFile Other = new(10, seed: 2);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData((int)Kill.Before, 0)]
    [InlineData((int)Kill.Halfway, 0)]
    [InlineData((int)Kill.After, 0)]
    [InlineData((int)Kill.Before, Piece)]
    [InlineData((int)Kill.Halfway, Piece)]
    [InlineData((int)Kill.After, Piece)]
    public async Task Push_KilledAtAnyCall_IsWholeOrGoesOnWhereItWas(int kill, int from)
    {
        var (ends, died) = (new HashSet<bool>(), true);
        for (var at = 1; died; at++)
        {
            using var store = await StoreFixture.OpenAsync();
            if (from > 0)
            {
                await Assert.ThrowsAsync<RpcException>(() => PushAsync(store, new(), 0, File.Content[..from]));
            }

            var calls = new FaultyFolderCalls((Kill)kill, at);
            died = await DiesAsync(() => PushAsync(store, calls, from, File.Content[from..]));

            await StartAsync(store);
            var context = $"{(Kill)kill} {at}: {calls.Made[^1]}";
            ends.Add(AssertWholeOrPart(store, context));
            var have = (int)FolderOf(store).PartLengthOf(File.Sha256);
            if (new ArtifactStore(store.Database).Find(File.Sha256) is null)
            {
                await PushAsync(store, new(), have, File.Content[have..]);
            }

            Assert.True(AssertWholeOrPart(store, context), $"{context}: it does not go on");
            Assert.Single(store.AllEvents(), entry => entry.Draft.Reason == "ArtifactPushed");
            Assert.True(died || at > 8, $"only {at} calls were enumerated");
        }

        Assert.Equal([false, true], ends.Order());
    }

    [Theory]
    [InlineData((int)Kill.Before)]
    [InlineData((int)Kill.After)]
    public async Task Push_OfOtherBytesKilledAtAnyCall_LeavesNothingOnceItIsPushedAgain(int kill)
    {
        var died = true;
        for (var at = 1; died; at++)
        {
            using var store = await StoreFixture.OpenAsync();
            var calls = new FaultyFolderCalls((Kill)kill, at);
            byte[] wrong = [.. File.Content.Reverse()];
            died = await RefusalAsync(calls, 0) is CrashException;

            await StartAsync(store);
            Assert.Null(new ArtifactStore(store.Database).Find(File.Sha256));
            Assert.IsType<RpcException>(await RefusalAsync(new(), (int)FolderOf(store).PartLengthOf(File.Sha256)));
            Assert.Empty(FolderOf(store).Files());

            async Task<Exception> RefusalAsync(FaultyFolderCalls calls, int from)
            {
                var refusal = await Record.ExceptionAsync(() => PushAsync(store, calls, from, wrong[from..]));
                return refusal is CrashException ? refusal : Assert.IsType<RpcException>(refusal) is { StatusCode: StatusCode.InvalidArgument } refused ? refused : throw refusal;
            }
        }
    }

    [Theory]
    [InlineData((int)Kill.Before)]
    [InlineData((int)Kill.After)]
    public async Task Delete_KilledAtAnyCall_IsForgottenAndItsFileIsCollected(int kill)
    {
        var died = true;
        for (var at = 1; died; at++)
        {
            using var store = await StoreFixture.OpenAsync();
            await PushAsync(store, new(), 0, File.Content);
            var calls = new FaultyFolderCalls((Kill)kill, at);
            died = await DiesAsync(async () =>
            {
                // As the API does.
                Assert.NotNull(await store.Database.WriteAsync(static tx => ArtifactStore.Delete(tx, File.Sha256, "admin:test"), commit: true, Ct));
                Uploads(store, calls).Discard(File.Sha256);
            });

            await StartAsync(store);
            Assert.Null(new ArtifactStore(store.Database).Find(File.Sha256));
            Assert.Empty(FolderOf(store).Files());
            Assert.DoesNotContain(store.AllEvents(), entry => entry.Draft.Reason == "ArtifactLost");
            await PushAsync(store, new(), 0, File.Content);
        }
    }

    [Theory]
    [InlineData((int)Kill.Before)]
    [InlineData((int)Kill.After)]
    public async Task Start_KilledAtAnyCall_IsDoneByTheNextAndTellsWhatIsLostOnce(int kill)
    {
        var died = true;
        for (var at = 1; died; at++)
        {
            using var store = await StoreFixture.OpenAsync();
            await PushAsync(store, new(), 0, File.Content);
            await PushAsync(store, new(), 0, Other.Content, Other);
            var folder = Path.Combine(StateOf(store), "artifacts");
            await System.IO.File.WriteAllBytesAsync(Path.Combine(folder, Other.Sha256), Other.Content[1..], Ct);
            await System.IO.File.WriteAllTextAsync(Path.Combine(folder, new string('b', 64)), "renamed, and never stored", Ct);
            await System.IO.File.WriteAllTextAsync(Path.Combine(folder, new string('c', 64) + ".part"), "of long ago", Ct);
            System.IO.File.SetLastWriteTimeUtc(Path.Combine(folder, new string('c', 64) + ".part"), store.Time.GetUtcNow().UtcDateTime.AddDays(-2));

            var calls = new FaultyFolderCalls((Kill)kill, at);
            died = await DiesAsync(() => Uploads(store, calls).SweepAsync(Ct));
            await StartAsync(store);

            Assert.Equal([File.Sha256], FolderOf(store).Files().Select(static file => file.Sha256));
            Assert.Equal([File.Sha256], new ArtifactStore(store.Database).All().Select(static artifact => artifact.Sha256));
            Assert.Single(store.AllEvents(), entry => entry.Draft.Reason == "ArtifactLost");
        }
    }

    // What is stored is on the disk, whole; what is not stored has no whole file, and what there is of it is its beginning.
    private static bool AssertWholeOrPart(StoreFixture store, string context)
    {
        var (folder, stored) = (FolderOf(store), new ArtifactStore(store.Database).Find(File.Sha256));
        var path = Path.Combine(StateOf(store), "artifacts", File.Sha256);
        if (stored is not null)
        {
            Assert.True(System.IO.File.ReadAllBytes(path).SequenceEqual(File.Content), $"{context}: it is stored, and its file is not whole");
            Assert.Equal(0, folder.PartLengthOf(File.Sha256));
            return true;
        }

        Assert.False(System.IO.File.Exists(path), $"{context}: its file has its name, and it is not stored");
        Assert.True(
            folder.PartLengthOf(File.Sha256) == 0 || File.Content.AsSpan().StartsWith(System.IO.File.ReadAllBytes(path + ".part")), $"{context}: what came is not its beginning");
        return false;
    }

    // Another process: nothing of what the one before had in mind.
    private static Task StartAsync(StoreFixture store)
    {
        store.Reopen();
        return Uploads(store, new()).SweepAsync(Ct);
    }

    private static async Task<bool> DiesAsync(Func<Task> act)
    {
        try
        {
            await act();
            return false;
        }
        catch (CrashException)
        {
            return true;
        }
    }

    private static async Task PushAsync(StoreFixture store, FaultyFolderCalls calls, int offset, byte[] content, PushedFile? file = null) =>
        await Uploads(store, calls).ReceiveAsync((file ?? File).Header(offset), new Pieces(content), new Origin("admin:test"), Ct);

    private static ArtifactUploads Uploads(StoreFixture store, FaultyFolderCalls calls) =>
        new(new(StateOf(store), static _ => 1L << 40, calls), new(store.Database), new(), store.Time);

    private static ArtifactFolder FolderOf(StoreFixture store) => new(StateOf(store), static _ => 1L << 40, new FolderCalls());

    private static string StateOf(StoreFixture store) => Path.GetDirectoryName(store.File)!;

    private sealed class Pieces(byte[] content) : IAsyncStreamReader<V1.PushArtifactRequest>
    {
        private int _next;

        public V1.PushArtifactRequest Current { get; private set; } = new();

        public Task<bool> MoveNext(CancellationToken cancellationToken)
        {
            if (_next >= content.Length)
            {
                return Task.FromResult(false);
            }

            Current = new() { Data = ByteString.CopyFrom(content, _next, Math.Min(Piece, content.Length - _next)) };
            _next += Piece;
            return Task.FromResult(true);
        }
    }
}
