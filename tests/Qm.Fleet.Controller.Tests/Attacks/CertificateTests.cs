using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using Qm.Fleet.Controller.Security;

namespace Qm.Fleet.Controller.Tests.Attacks;

[Trait("Requirement", "QMF-ATTACK-001")]
public sealed class CertificateTests
{
    private const string Admin = "OU=admin, CN=mallory";

    /// <summary>What a client makes of a connection that is closed on it; in TLS 1.3 it may already have sent its request.</summary>
    private static readonly StatusCode[] CutOff = [StatusCode.Unavailable, StatusCode.Internal];

    public static TheoryData<string> Forgeries => ["expired", "not yet valid", "self-signed", "another CA", "another CA of the same name", "issued by a node", "issued by a node that says it may", "for servers", "for nothing that is said"];

    [Theory, MemberData(nameof(Forgeries))]
    public async Task Certificate_Forged_IsCutOffAndOthersAreServed(string forgery)
    {
        await using var controller = await RunningController.StartAsync();
        using var forged = Forge(controller, forgery);

        Assert.Contains(await Witness.CallAsync(controller.Tls(forged)), CutOff);
        await Witness.IsServedAsync(controller);
    }

    // A connection also ends with its certificate, but nobody is somebody until then.
    [Theory, MemberData(nameof(Forgeries))]
    public async Task Certificate_Forged_IsNobodys(string forgery)
    {
        await using var controller = await RunningController.StartAsync();
        using var forged = Forge(controller, forgery);
        using var sound = Forger.Make(Admin, Forger.Authority(controller));
        var peers = controller.Service<Pki>().Peers();

        Assert.Null(peers.Identify(forged));
        Assert.NotNull(peers.Identify(sound));
    }

    [Theory]
    [InlineData("OU=king, CN=mallory")]
    [InlineData("CN=mallory")]
    [InlineData("OU=admin")]
    [InlineData("OU=admin, CN=")]
    [InlineData("OU=node, OU=admin, CN=ecu1")]
    [InlineData("OU=admin, CN=mallory, CN=root")]
    [InlineData("OU=admin+CN=mallory")]
    [InlineData("OU=agent, CN=ecu1")]
    [InlineData("OU=scraper, CN=metrics")]
    [InlineData("OU=Admin, CN=mallory")]
    [InlineData("O=admin, CN=mallory")]
    public async Task Certificate_OfOurCaThatNamesNoRole_IsCutOff(string subject)
    {
        await using var controller = await RunningController.StartAsync();
        using var authority = Forger.Authority(controller);
        using var odd = Forger.Make(subject, authority);

        Assert.Contains(await Witness.CallAsync(controller.Tls(odd)), CutOff);
    }

    [Fact]
    public async Task Certificate_OfARoleThatMayLess_MayNoMore()
    {
        await using var controller = await RunningController.StartAsync();
        using var authority = Forger.Authority(controller);
        using var viewer = Forger.Make("OU=viewer, CN=admin", authority);
        var channel = controller.Tls(viewer);

        Assert.Equal(StatusCode.OK, await Witness.CallAsync(channel));
        var error = await Assert.ThrowsAsync<RpcException>(async () => await new V1.NodeService.NodeServiceClient(channel).ApplyAsync(
            new V1.ApplyNodesRequest { Nodes = { Samples.Node() } }, cancellationToken: TestContext.Current.CancellationToken));
        Assert.Equal((StatusCode.PermissionDenied, "viewer:admin may not apply nodes."), (error.StatusCode, error.Status.Detail));
    }

    private static X509Certificate2 Forge(RunningController controller, string forgery)
    {
        using var authority = Forger.Authority(controller);
        return forgery switch
        {
            "expired" => Forger.Make(Admin, authority, begins: TimeSpan.FromMinutes(-50), lasts: TimeSpan.FromMinutes(20)),
            "not yet valid" => Forger.Make(Admin, authority, begins: TimeSpan.FromHours(3)),
            "self-signed" => Forger.Make(Admin, issuer: null),
            "another CA" => Forger.Make(Admin, Forger.Make("CN=another", issuer: null, usage: null, isAuthority: true)),
            "another CA of the same name" => Forger.Make(Admin, Forger.Make(authority.Subject, issuer: null, usage: null, isAuthority: true)),
            "issued by a node" => Forger.Make(Admin, Forger.Node(controller, "ecu1")),
            "issued by a node that says it may" => Forger.Make(Admin, Forger.Make("OU=node, CN=ecu1", authority, isAuthority: true)),
            "for servers" => Forger.Make(Admin, authority, Forger.ServerUsage),
            "for nothing that is said" => Forger.Make(Admin, authority, "1.3.6.1.4.1.99999.1"),
            _ => throw new ArgumentOutOfRangeException(nameof(forgery)),
        };
    }
}
