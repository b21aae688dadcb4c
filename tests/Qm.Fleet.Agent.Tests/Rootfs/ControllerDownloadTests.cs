using System.Security.Cryptography.X509Certificates;
using Qm.Fleet.Agent.Rootfs;
using Qm.Fleet.Core.Environments;
using static Qm.Fleet.Agent.Tests.Rootfs.SlotTests;

namespace Qm.Fleet.Agent.Tests.Rootfs;

/// <summary>Archives of the controller's own store, and servers that ask for patience.</summary>
public sealed class ControllerDownloadTests
{
    private static readonly byte[] Whole = TestArchive.Bootable().File("./large", new byte[600_000]).ToArray();
    private static readonly string Digest = TestArchive.Digest(Whole);
    private static readonly RootfsArchive Archive = new("", Digest);

    [Fact]
    [Trait("Requirement", "QMF-ROOTFS-008")]
    public async Task Build_OfTheController_FetchesByDigestAsTheNodeAndGoesOnByRange()
    {
        var (authority, certificate) = TestGateway.Certificates("127.0.0.1");
        await using var controller = await TlsArchiveServer.StartAsync(certificate, Whole, cutOffAt: 300_000);
        using var node = Enrolled(controller, authority);

        await BuildAsync(node, Archive);

        Assert.Equal([Digest], Names(node));
        Assert.Equal(2, controller.Requests.Count);
        Assert.All(controller.Requests, request => Assert.Equal(("HTTP/2", $"/artifacts/{Digest}"), (request.Protocol, request.Path)));
        Assert.All(controller.Requests, request => Assert.Contains("CN=ecu01", request.Client));
        Assert.StartsWith("bytes=", controller.Ranges[1]);
    }

    [Fact]
    [Trait("Requirement", "QMF-ROOTFS-007")]
    public async Task Build_OfAnotherServer_ShowsItNothingOfTheNode()
    {
        var (authority, certificate) = TestGateway.Certificates("127.0.0.1");
        await using var server = await TlsArchiveServer.StartAsync(certificate, Whole);
        using var node = Enrolled(server, authority);
        node.Options = node.Options with { ArchiveCa = "/etc/qm-fleet/pki/ca.crt" };

        await BuildAsync(node, new(server.Url, Digest));

        Assert.Equal("", Assert.Single(server.Requests).Client);
    }

    [Fact]
    [Trait("Requirement", "QMF-ROOTFS-008")]
    public async Task Build_OfAControllerOfAnotherAuthority_AsksForNothing()
    {
        var (_, certificate) = TestGateway.Certificates("127.0.0.1");
        await using var controller = await TlsArchiveServer.StartAsync(certificate, Whole);
        using var node = Enrolled(controller, TestGateway.Certificates("127.0.0.1").Authority);

        var refusal = await RefusalAsync(node, Archive);

        Assert.Equal("ArchiveUnavailable", refusal.Reason);
        Assert.Contains($"{controller.Origin}artifacts/{Digest}", refusal.Message);
        Assert.Empty(controller.Requests);
    }

    [Fact]
    [Trait("Requirement", "QMF-ROOTFS-008")]
    public async Task Build_OfTheControllerWithoutACertificate_SaysWhatIsMissing()
    {
        using var node = new EmulatedNode();
        var refusal = await RefusalAsync(node, Archive);
        Assert.Equal("CertificateRefused", refusal.Reason);
        Assert.Contains("/etc/qm-fleet/pki/ca.crt does not exist", refusal.Message);
    }

    [Fact]
    [Trait("Requirement", "QMF-ROOTFS-008")]
    public async Task Build_OfTheControllerThatHasItNoMore_SaysWhatToDo()
    {
        var (authority, certificate) = TestGateway.Certificates("127.0.0.1");
        await using var controller = await TestGateway.StartAsync(certificate);
        using var node = new EmulatedNode();
        node.Options = node.Options with { Controller = controller.Address };
        TestGateway.Enrol(node, "ecu01", authority);

        var refusal = await RefusalAsync(node, Archive);

        Assert.Equal("ArchiveUnavailable", refusal.Reason);
        Assert.Contains("qmfleet artifact push", refusal.Message);
    }

    [Fact]
    [Trait("Requirement", "QMF-ROOTFS-008")]
    public async Task Build_OfTheControllerThatDoesNotGiveIt_SaysWhyAndMayBeTriedAgain()
    {
        var (authority, certificate) = TestGateway.Certificates("127.0.0.1");
        await using var controller = await TlsArchiveServer.StartAsync(certificate, Whole, status: System.Net.HttpStatusCode.Forbidden);
        using var node = Enrolled(controller, authority);

        var refusal = await RefusalAsync(node, Archive);

        Assert.Equal("ArchiveUnavailable", refusal.Reason);
        Assert.Contains("does not give", refusal.Message, StringComparison.Ordinal);
        Assert.Contains($"{controller.Origin}artifacts/{Digest}", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Requirement", "QMF-ROOTFS-001")]
    public async Task Build_OfTheControllerWithAnotherContent_IsRefusedByItsDigest()
    {
        var (authority, certificate) = TestGateway.Certificates("127.0.0.1");
        await using var controller = await TlsArchiveServer.StartAsync(certificate, Whole);
        using var node = Enrolled(controller, authority);

        var refusal = await RefusalAsync(node, new("", new('a', 64)));

        Assert.Equal("DigestMismatch", refusal.Reason);
        Assert.StartsWith($"Archive {new string('a', 64)} of the controller has", refusal.Message);
        Assert.Empty(Names(node));
    }

    [Fact]
    [Trait("Requirement", "QMF-ROOTFS-004")]
    public async Task Build_ServerThatAsksToComeAgain_IsAskedAgainAndSilenceMeanwhileIsNoStall()
    {
        await using var server = new ScriptedServer()
            .Answer("503 Service Unavailable\r\nRetry-After: 4\r\nContent-Length: 0")
            .Answer("429 Too Many Requests\r\nRetry-After: 0\r\nContent-Length: 0")
            .Answer($"200 OK\r\nContent-Length: {Whole.Length}", Whole);
        using var node = new EmulatedNode { Limits = RootfsLimits.Default with { Stall = TimeSpan.FromSeconds(3) } };

        await BuildAsync(node, new($"{server.Origin}/rootfs.tar", Digest));

        Assert.Equal([Digest], Names(node));
        Assert.Equal(3, server.Requests.Count);
    }

    [Fact]
    [Trait("Requirement", "QMF-ROOTFS-004")]
    public async Task Build_ServerThatAsksToComeAgainForEver_IsGivenUpAtTheDeadline()
    {
        var server = new ScriptedServer();
        for (var answer = 0; answer < 200; answer++)
        {
            server.Answer("503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0");
        }

        await using (server)
        {
            using var node = new EmulatedNode { Limits = RootfsLimits.Default with { Download = TimeSpan.FromMilliseconds(300) } };
            var refusal = await RefusalAsync(node, new($"{server.Origin}/rootfs.tar", Digest));
            Assert.Equal("ArchiveUnavailable", refusal.Reason);
            Assert.Contains("did not end within", refusal.Message);
        }
    }

    // "Come again in no time" is no leave to ask without a pause.
    [Fact]
    [Trait("Requirement", "QMF-ROOTFS-004")]
    public async Task Build_ServerThatAsksToComeAgainAtOnce_IsNotHammered()
    {
        var server = new ScriptedServer();
        for (var answer = 0; answer < 5_000; answer++)
        {
            server.Answer("503 Service Unavailable\r\nRetry-After: 0\r\nContent-Length: 0");
        }

        await using (server)
        {
            using var node = new EmulatedNode { Limits = RootfsLimits.Default with { Download = TimeSpan.FromMilliseconds(500), ResumePause = TimeSpan.FromHours(1) } };
            Assert.Equal("ArchiveUnavailable", (await RefusalAsync(node, new($"{server.Origin}/rootfs.tar", Digest))).Reason);
            Assert.Single(server.Requests);
        }
    }

    private static EmulatedNode Enrolled(TlsArchiveServer controller, X509Certificate2 authority)
    {
        var node = new EmulatedNode { Limits = RootfsLimits.Default with { ResumePause = TimeSpan.Zero, ResumeBytes = 1 } };
        node.Options = node.Options with { Controller = controller.Origin };
        TestGateway.Enrol(node, "ecu01", authority);
        return node;
    }
}
