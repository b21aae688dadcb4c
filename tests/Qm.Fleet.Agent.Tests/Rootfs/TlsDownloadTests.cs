using System.Net;
using System.Security.Cryptography.X509Certificates;
using Qm.Fleet.Agent.Rootfs;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Revisions;
using static Qm.Fleet.Agent.Tests.Rootfs.SlotTests;
using Command = Qm.Fleet.V1.Command;

namespace Qm.Fleet.Agent.Tests.Rootfs;

/// <summary>Archives over https, from servers that can be trusted and servers that cannot.</summary>
public sealed class TlsDownloadTests
{
    private const string Ca = "/etc/qm-fleet/archive-ca.crt";
    private const string ServerUsage = "1.3.6.1.5.5.7.3.1";
    private const string ClientUsage = "1.3.6.1.5.5.7.3.2";
    private static readonly byte[] Whole = TestArchive.Bootable().File("./large", new byte[600_000]).ToArray();
    private static readonly string Digest = TestArchive.Digest(Whole);

    [Fact]
    [Trait("Requirement", "QMF-ROOTFS-007")]
    public async Task Build_OverHttpsWithTheFilesAuthority_MakesTheSlot()
    {
        var (authority, certificate) = TestGateway.Certificates("127.0.0.1");
        await using var server = await TlsArchiveServer.StartAsync(certificate, Whole);
        using var node = Trusting(authority);

        await BuildAsync(node, Archive(server.Url));

        Assert.Equal([Digest], Names(node));
    }

    [Fact]
    [Trait("Requirement", "QMF-ROOTFS-007")]
    [Trait("Requirement", "QMF-ROOTFS-004")]
    public async Task Build_OverHttpsCutOff_GoesOnByRange()
    {
        const int Little = 300_000;
        var (authority, certificate) = TestGateway.Certificates("127.0.0.1");
        await using var server = await TlsArchiveServer.StartAsync(certificate, Whole, cutOffAt: Little);
        using var node = Trusting(authority);
        node.Limits = RootfsLimits.Default with { ResumePause = TimeSpan.Zero, ResumeBytes = 1 };

        await BuildAsync(node, Archive(server.Url));

        Assert.Equal([Digest], Names(node));
        Assert.Equal("", server.Ranges[0]);
        Assert.StartsWith("bytes=", server.Ranges[1]);
    }

    [Fact]
    [Trait("Requirement", "QMF-ROOTFS-007")]
    public async Task Build_UnknownAuthority_IsRefusedWithItsNameAndWhatToDo()
    {
        var (_, certificate) = TestGateway.Certificates("127.0.0.1");
        await using var server = await TlsArchiveServer.StartAsync(certificate, Whole);
        using var node = new EmulatedNode();

        await AssertRefusedAsync(node, server, "CN=test authority", "does not trust", "ArchiveCa= in agent.conf", "system store");
    }

    [Fact]
    [Trait("Requirement", "QMF-ROOTFS-007")]
    public async Task Build_AuthorityThatOnlyHasTheSameName_IsRefused()
    {
        var (_, certificate) = TestGateway.Certificates("127.0.0.1");
        await using var server = await TlsArchiveServer.StartAsync(certificate, Whole);
        using var node = Trusting(TestGateway.Certificates("127.0.0.1").Authority);

        await AssertRefusedAsync(node, server, "CN=test authority", "does not serve");
    }

    [Fact]
    [Trait("Requirement", "QMF-ROOTFS-007")]
    public async Task Build_WrongNameAndUnknownAuthority_ToldAtOnce()
    {
        var (_, certificate) = TestGateway.Certificates("artifacts.example");
        await using var server = await TlsArchiveServer.StartAsync(certificate, Whole);
        using var node = new EmulatedNode();

        await AssertRefusedAsync(node, server, "is for artifacts.example, not for 127.0.0.1", "name the archive by", "CN=test authority");
    }

    [Fact]
    [Trait("Requirement", "QMF-ROOTFS-007")]
    public async Task Build_Expired_IsRefusedWithItsEndAndTheNodesClock()
    {
        var authority = TestGateway.Certificates("127.0.0.1").Authority;
        using var expired = TestGateway.Issue(authority, "CN=artifacts", ServerUsage, Loopback(), TimeProvider.System.GetUtcNow().AddHours(-1));
        await using var server = await TlsArchiveServer.StartAsync(expired, Whole);
        using var node = Trusting(authority);

        await AssertRefusedAsync(node, server, $"its certificate ended {expired.NotAfter.ToUniversalTime():u}", "by the node's clock", "renew it");
    }

    [Fact]
    [Trait("Requirement", "QMF-ROOTFS-007")]
    public async Task Build_CertificateOfAClient_IsRefused()
    {
        var authority = TestGateway.Certificates("127.0.0.1").Authority;
        using var certificate = TestGateway.Issue(authority, "CN=ecu1", ClientUsage, Loopback());
        await using var server = await TlsArchiveServer.StartAsync(certificate, Whole);
        using var node = Trusting(authority);

        await AssertRefusedAsync(node, server, "does not serve", "give the server another");
    }

    [Theory]
    [InlineData(null, "does not exist")]
    [InlineData("", "holds no certificate")]
    [InlineData("-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n", Ca)]
    [Trait("Requirement", "QMF-ROOTFS-007")]
    public async Task Build_AuthoritiesThatCannotBeRead_SaysWhichFile(string? content, string why)
    {
        using var node = new EmulatedNode();
        node.Options = node.Options with { ArchiveCa = Ca };
        if (content is not null)
        {
            node.Write(Ca, content);
        }

        var refusal = await RefusalAsync(node, Archive("https://127.0.0.1:1/rootfs.tar"));

        Assert.Equal("CertificateRefused", refusal.Reason);
        Assert.All((string[])[Ca, why, "ArchiveCa="], part => Assert.Contains(part, refusal.Message));
    }

    [Fact]
    [Trait("Requirement", "QMF-ROOTFS-001")]
    [Trait("Requirement", "QMF-ROOTFS-007")]
    public async Task Build_RedirectedFromHttpsToHttp_IsRefused()
    {
        await using var plain = new ScriptedServer().Answer($"200 OK\r\nContent-Length: {Whole.Length}", Whole);
        var (authority, certificate) = TestGateway.Certificates("127.0.0.1");
        await using var server = await TlsArchiveServer.StartAsync(certificate, Whole, redirectTo: $"{plain.Origin}/rootfs.tar");
        using var node = Trusting(authority);

        var refusal = await RefusalAsync(node, Archive(server.Url));

        Assert.Equal("ArchiveRefused", refusal.Reason);
        Assert.Contains(plain.Origin, refusal.Message);
        Assert.Empty(plain.Requests);
    }

    [Theory(Timeout = 120_000)]
    [InlineData("file")]
    [InlineData("system store")]
    [InlineData("controller")]
    [Trait("Requirement", "QMF-ROOTFS-007"), Trait("Requirement", "QMF-ROOTFS-008")]
    public async Task AgentProcess_StagesAnArchiveOverHttps_WhomeverItTrusts(string source)
    {
        var (authority, certificate) = TestGateway.Certificates("127.0.0.1");
        await using var server = await TlsArchiveServer.StartAsync(certificate, Whole);
        await using var gateway = await TestGateway.StartAsync(certificate, new() { ReportIntervalMs = 100 }, Whole);
        using var node = new EmulatedNode();
        TestGateway.Enrol(node, "ecu01", authority);
        node.Write(Ca, authority.ExportCertificatePem());
        await File.WriteAllTextAsync(node.Of("etc/qm-fleet/agent.conf"), source == "file" ? $"[qm-fleet-agent]\nArchiveCa={Ca}\n" : "", TestContext.Current.CancellationToken);
        // Where OpenSSL looks for the system store, and .NET after it.
        (string, string)[] variables = source == "system store" ? [("SSL_CERT_FILE", node.Of(Ca))] : [];
        await using var agent = await AgentProcess.StartAsync(node, gateway, variables);
        var stage = AgentProcess.Wire(new("r1", [new(OwnedFileKind.QmContainerDropIn, "", $"[Service]\nEnvironment=ROOTFS={RootfsSlot.PathOf(Digest)}\n")]));
        (stage.RootfsPreinstalled, stage.RootfsArchive) = (false, new() { Url = source == "controller" ? "" : server.Url, Sha256 = Digest });

        var staged = await agent.Stream.DoAsync(new Command { Stage = stage });
        Assert.True(staged.Result.Ok, staged.Result.Message);
        var report = await agent.Stream.ReportAsync(report => report.RootfsSlots.Count > 0 || report.RootfsFetch?.Reason.Length > 0);

        Assert.Equal("", report.RootfsFetch?.Message ?? "");
        Assert.Equal([Digest], Names(node));
    }

    private static async Task AssertRefusedAsync(EmulatedNode node, TlsArchiveServer server, params string[] parts)
    {
        var refusal = await RefusalAsync(node, Archive(server.Url));
        Assert.Equal("CertificateRefused", refusal.Reason);
        Assert.All([server.Url, .. parts], part => Assert.Contains(part, refusal.Message));
        Assert.Empty(server.Ranges);
    }

    private static EmulatedNode Trusting(X509Certificate2 authority)
    {
        var node = new EmulatedNode();
        node.Options = node.Options with { ArchiveCa = Ca };
        node.Write(Ca, authority.ExportCertificatePem());
        return node;
    }

    private static RootfsArchive Archive(string url) => new(url, Digest);

    private static X509Extension Loopback()
    {
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        return names.Build();
    }
}
