using Qm.Fleet.Agent.Rootfs;
using Qm.Fleet.Core.Environments;
using static Qm.Fleet.Agent.Tests.Rootfs.SlotTests;

namespace Qm.Fleet.Agent.Tests.Rootfs;

/// <summary>Archives from servers, of which most are broken, slow or lie.</summary>
public sealed class DownloadTests
{
    private static readonly byte[] Whole = TestArchive.Bootable().File("./noise", Noise()).ToArray();
    private static readonly string Digest = TestArchive.Digest(Whole);

    private static RootfsLimits Quick => RootfsLimits.Default with { ResumePause = TimeSpan.Zero, ResumeBytes = 64 << 10 };

    // Only where a server says nothing: on a machine with much to do an honest one is silent for a second, too.
    private static RootfsLimits Impatient => Quick with { Stall = TimeSpan.FromSeconds(1) };

    [Fact]
    [Trait("Requirement", "QMF-ROOTFS-004")]
    public async Task Build_FromAServer_TellsHowFarItIs()
    {
        await using var server = new ScriptedServer().Answer($"200 OK\r\nContent-Length: {Whole.Length}", Whole);
        using var node = new EmulatedNode { Limits = Quick };
        var told = new List<FetchStatus>();

        await BuildAsync(node, Archive(server), told.Add);

        Assert.Equal([Digest], Names(node));
        Assert.Contains(told, status => status.Phase == V1.RootfsFetch.Types.Phase.Download && status.TotalBytes == Whole.Length && status.DoneBytes == Whole.Length);
        Assert.DoesNotContain("Range:", Assert.Single(server.Requests));
    }

    [Fact]
    [Trait("Requirement", "QMF-ROOTFS-004")]
    public async Task Build_CutOffOnTheWay_GoesOnWhereItWas()
    {
        const int Half = 500_000;
        await using var server = new ScriptedServer()
            .Answer($"200 OK\r\nContent-Length: {Whole.Length}", Whole[..Half])
            .Answer($"206 Partial Content\r\nContent-Range: bytes {Half}-{Whole.Length - 1}/{Whole.Length}\r\nContent-Length: {Whole.Length - Half}", Whole[Half..]);
        using var node = new EmulatedNode { Limits = Quick };

        await BuildAsync(node, Archive(server));

        Assert.Equal([Digest], Names(node));
        Assert.Contains($"Range: bytes={Half}-", server.Requests[1]);
    }

    [Fact]
    [Trait("Requirement", "QMF-ROOTFS-004")]
    public async Task Build_ServerStalls_FailsKeepsWhatCameAndTheNextAttemptGoesOn()
    {
        const int Little = 10_000;
        await using var server = new ScriptedServer()
            .AnswerAndStall($"200 OK\r\nContent-Length: {Whole.Length}", Whole[..Little])
            .Answer($"206 Partial Content\r\nContent-Range: bytes {Little}-{Whole.Length - 1}/{Whole.Length}\r\nContent-Length: {Whole.Length - Little}", Whole[Little..]);
        using var node = new EmulatedNode { Limits = Impatient };

        var refusal = await RefusalAsync(node, Archive(server));
        Assert.Equal("ArchiveUnavailable", refusal.Reason);
        Assert.Contains("sent nothing for 1 s", refusal.Message);
        Assert.Equal([$"{Digest}.part"], Names(node));

        node.Limits = Quick;
        await BuildAsync(node, Archive(server));
        Assert.Equal([Digest], Names(node));
    }

    [Fact]
    [Trait("Requirement", "QMF-ROOTFS-004")]
    public async Task Build_ServerNeverAnswers_Fails()
    {
        await using var server = new ScriptedServer().AnswerAndStall("");
        using var node = new EmulatedNode { Limits = Impatient };
        Assert.Equal("ArchiveUnavailable", (await RefusalAsync(node, Archive(server))).Reason);
    }

    [Fact]
    [Trait("Requirement", "QMF-ROOTFS-004")]
    public async Task Build_BeginningOfAnotherFile_IsFetchedAnew()
    {
        var leftover = new byte[1000];
        await using var server = new ScriptedServer()
            .Answer($"206 Partial Content\r\nContent-Range: bytes 1000-{Whole.Length - 1}/{Whole.Length}\r\nContent-Length: {Whole.Length - 1000}", Whole[1000..])
            .Answer($"200 OK\r\nContent-Length: {Whole.Length}", Whole);
        using var node = new EmulatedNode { Limits = Quick };
        Leave(node, leftover);

        await BuildAsync(node, Archive(server));

        Assert.Equal([Digest], Names(node));
        Assert.DoesNotContain("Range:", server.Requests[1]);
    }

    [Theory]
    [InlineData("200 OK\r\nContent-Length: {0}")]
    [InlineData("206 Partial Content\r\nContent-Range: bytes 0-{1}/{0}\r\nContent-Length: {0}")]
    [Trait("Requirement", "QMF-ROOTFS-004")]
    public async Task Build_ServerThatCannotResume_BeginsAnew(string head)
    {
        var answer = string.Format(System.Globalization.CultureInfo.InvariantCulture, head, Whole.Length, Whole.Length - 1);
        await using var server = new ScriptedServer().Answer(answer, Whole).Answer($"200 OK\r\nContent-Length: {Whole.Length}", Whole);
        using var node = new EmulatedNode { Limits = Quick };
        Leave(node, Whole[..1000]);

        await BuildAsync(node, Archive(server));

        Assert.Equal([Digest], Names(node));
    }

    [Fact]
    [Trait("Requirement", "QMF-ROOTFS-004")]
    public async Task Build_KilledWhenTheDownloadWasDone_DownloadsNothing()
    {
        await using var server = new ScriptedServer().Answer($"416 Range Not Satisfiable\r\nContent-Range: bytes */{Whole.Length}\r\nContent-Length: 0");
        using var node = new EmulatedNode { Limits = Quick };
        Leave(node, Whole);

        await BuildAsync(node, Archive(server));

        Assert.Equal([Digest], Names(node));
    }

    [Fact]
    [Trait("Requirement", "QMF-ROOTFS-001")]
    public async Task Build_RedirectedElsewhere_IsRefusedAndNothingIsLeft()
    {
        await using var elsewhere = new ScriptedServer().Answer($"200 OK\r\nContent-Length: {Whole.Length}", Whole);
        await using var server = new ScriptedServer().Answer($"302 Found\r\nContent-Length: 0\r\nLocation: {elsewhere.Origin}/rootfs.tar");
        using var node = new EmulatedNode { Limits = Quick };

        var refusal = await RefusalAsync(node, Archive(server));

        Assert.Equal("ArchiveRefused", refusal.Reason);
        Assert.Contains(elsewhere.Origin, refusal.Message);
        Assert.Empty(elsewhere.Requests);
        Assert.Empty(Names(node));
    }

    [Fact]
    [Trait("Requirement", "QMF-ROOTFS-004")]
    public async Task Build_RedirectedWithinTheServer_Follows()
    {
        await using var server = new ScriptedServer()
            .Answer("302 Found\r\nContent-Length: 0\r\nLocation: /v2/rootfs.tar").Answer($"200 OK\r\nContent-Length: {Whole.Length}", Whole);
        using var node = new EmulatedNode { Limits = Quick };

        await BuildAsync(node, Archive(server));

        Assert.StartsWith("GET /v2/rootfs.tar ", server.Requests[1]);
        Assert.Equal([Digest], Names(node));
    }

    [Fact]
    [Trait("Requirement", "QMF-ROOTFS-001")]
    public async Task Build_MoreThanAnnounced_IsCutThereAndRefused()
    {
        await using var server = new ScriptedServer().Answer("200 OK\r\nContent-Length: 1024", Whole);
        using var node = new EmulatedNode { Limits = Quick };

        var refusal = await RefusalAsync(node, Archive(server));

        Assert.Equal("DigestMismatch", refusal.Reason);
        Assert.Contains("has 1024 bytes", refusal.Message);
        Assert.Empty(Names(node));
    }

    // What is on its way when the agent closes the connection is what the kernel holds for it, some megabytes.
    [Fact]
    [Trait("Requirement", "QMF-ROOTFS-001")]
    public async Task Build_WithoutAnEndButAnnouncedAsAKilobyte_TakesTheKilobyteAndLeavesNothing()
    {
        await using var server = new ScriptedServer().AnswerForEver("200 OK\r\nContent-Length: 1024", new byte[0x10000]);
        using var node = new EmulatedNode { Limits = Quick };
        var told = new List<FetchStatus>();

        var refusal = await RefusalAsync(node, Archive(server), told.Add);
        await server.Refused.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);

        Assert.Equal("DigestMismatch", refusal.Reason);
        Assert.Contains("has 1024 bytes", refusal.Message);
        Assert.All(told, status => Assert.InRange(status.DoneBytes, 0, 1024));
        Assert.InRange(server.Sent, 0, 64 << 20);
        Assert.Empty(Names(node));
    }

    [Fact]
    [Trait("Requirement", "QMF-ROOTFS-001")]
    public async Task Build_WithoutAnEnd_IsRefusedAtTheMost()
    {
        await using var server = new ScriptedServer().AnswerForEver();
        using var node = new EmulatedNode { Limits = Quick with { ArchiveBytesMax = 3 << 20 } };

        Assert.Equal("ArchiveRefused", (await RefusalAsync(node, Archive(server))).Reason);
        Assert.Empty(Names(node));
    }

    [Fact]
    [Trait("Requirement", "QMF-ROOTFS-001")]
    public async Task Build_AnnouncedLargerThanTheDisk_IsRefusedBeforeAByteIsWritten()
    {
        await using var server = new ScriptedServer().AnswerAndStall("200 OK\r\nContent-Length: 5000000000", Whole);
        using var node = new EmulatedNode { Limits = Quick };
        var told = new List<FetchStatus>();

        Assert.Equal("NoSpace", (await RefusalAsync(node, Archive(server), told.Add)).Reason);
        Assert.All(told, status => Assert.Equal(0, status.DoneBytes));
        Assert.Empty(Names(node));
    }

    [Fact]
    [Trait("Requirement", "QMF-ROOTFS-004")]
    public async Task Build_NotThere_SaysWhatTheServerSaid()
    {
        await using var server = new ScriptedServer().Answer("404 Not Found\r\nContent-Length: 0");
        using var node = new EmulatedNode { Limits = Quick };
        var refusal = await RefusalAsync(node, Archive(server));
        Assert.Equal("ArchiveUnavailable", refusal.Reason);
        Assert.Contains($"{server.Origin}/rootfs.tar", refusal.Message);
        Assert.Contains("404", refusal.Message);
    }

    private static RootfsArchive Archive(ScriptedServer server) => new($"{server.Origin}/rootfs.tar", Digest);

    private static void Leave(EmulatedNode node, byte[] part)
    {
        Directory.CreateDirectory(node.Of("var/lib/qm-fleet/rootfs"));
        File.WriteAllBytes(node.Of($"var/lib/qm-fleet/rootfs/{Digest}.part"), part);
    }

    private static byte[] Noise()
    {
        var noise = new byte[1 << 20];
        new Random(3).NextBytes(noise);
        return noise;
    }
}
