using System.Security.Cryptography;
using Grpc.Core;
using Qm.Fleet.Controller.Gateway;
using Qm.Fleet.Controller.Security;
using Qm.Fleet.Controller.Storage;

namespace Qm.Fleet.Controller.Tests.Security;

[Trait("Requirement", "QMF-ENROLL-006")]
public sealed class RenewalTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Renew_ByTheNode_IsForItsNewKeyAndTheNameIsThatOnes()
    {
        await using var controller = await RunningController.StartAsync();
        using var node = await JoinedAsync(controller);
        var before = node.Certificate!;

        await node.RenewAsync();

        Assert.NotEqual(CertificateRequests.Fingerprint(before.PublicKey), node.Fingerprint);
        var key = controller.Service<EnrollmentStore>().Key("ecu1")!;
        Assert.Equal((node.Fingerprint, CertificateRequests.Fingerprint(before.PublicKey)), (key.Fingerprint, key.Before));
        Assert.StartsWith("local:", key.LetInBy, StringComparison.Ordinal);
        Assert.Equal("node:ecu1", (await new V1.AccessService.AccessServiceClient(controller.Tls(node.Certificate)).WhoAmIAsync(new V1.WhoAmIRequest(), cancellationToken: Ct)).Name);
    }

    [Fact]
    public async Task Renew_AskedAgainByTheCertificateBefore_GetsTheSameForTheSameKeyAndAnotherForAnother()
    {
        await using var controller = await RunningController.StartAsync();
        using var node = await JoinedAsync(controller);
        var before = node.Certificate!;
        using var pending = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var other = ECDsa.Create(ECCurve.NamedCurves.nistP256);

        var first = await node.RenewAsync(before, pending);
        var second = await node.RenewAsync(before, pending);
        var third = await node.RenewAsync(before, other);

        Assert.Equal(first.SerialNumber, second.SerialNumber);
        Assert.NotEqual(first.SerialNumber, third.SerialNumber);
    }

    [Fact]
    public async Task Renew_ByAnOlderKey_IsRefusedAndRaised()
    {
        await using var controller = await RunningController.StartAsync();
        using var node = await JoinedAsync(controller);
        var stolen = node.Certificate!;
        await node.RenewAsync();
        await node.RenewAsync();
        using var thief = ECDsa.Create(ECCurve.NamedCurves.nistP256);

        var error = await Assert.ThrowsAsync<RpcException>(() => node.RenewAsync(stolen, thief));

        Assert.Equal(StatusCode.PermissionDenied, error.StatusCode);
        Assert.Equal(EventSeverity.Critical, Assert.Single(controller.Service<EventLog>().After(0, "", "", 1000), static told => told.Draft.Reason == "EnrollmentTakeover").Draft.Severity);
        Assert.Equal(node.Fingerprint, controller.Service<EnrollmentStore>().Key("ecu1")!.Fingerprint);
    }

    [Fact]
    public async Task Renew_WithACertificateMadeByHand_IsKnownFromThenOn()
    {
        await using var controller = await RunningController.StartAsync();
        using var next = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var issued = await new V1.EnrollmentService.EnrollmentServiceClient(controller.Node("ecu1")).RenewCertificateAsync(
            new V1.RenewCertificateRequest { Csr = JoiningNode.Csr(next) }, cancellationToken: Ct);

        Assert.NotEmpty(issued.Certificate);
        Assert.Equal("certificate", controller.Service<EnrollmentStore>().Key("ecu1")!.LetInBy);
    }

    [Fact]
    public async Task Certificate_OfAShortLife_HasAShortPast()
    {
        await using var controller = await RunningController.StartAsync(adjust: static options => options.CertificateLife = TimeSpan.FromMinutes(5));
        using var node = await JoinedAsync(controller);
        var certificate = node.Certificate!;

        Assert.InRange((certificate.NotAfter - certificate.NotBefore).TotalSeconds, 300, 332);
    }

    [Fact]
    public async Task Agents_WhenTheAuthoritiesChange_AreAskedToRenewAlsoOnOpenLinks()
    {
        var certificates = new CertificatesByHand();
        await using var controller = await RunningController.StartAsync(certificates.AddTo);
        using var open = await ConnectAsync(controller, "ecu1");
        Assert.Null(open.ResponseStream.Current.Welcome.RenewalRequest);

        certificates.AreCurrent = false;
        certificates.Change();

        Assert.True(await open.ResponseStream.MoveNext(Ct));
        Assert.Equal((int)AgentRenewals.Spread.TotalMilliseconds, open.ResponseStream.Current.RenewalRequest.WithinMs);
        using var late = await ConnectAsync(controller, "ecu2");
        Assert.NotNull(late.ResponseStream.Current.Welcome.RenewalRequest);
    }

    [Fact]
    public async Task Learn_OfSeveralCertificatesMadeByHand_KnowsTheNewest()
    {
        await using var controller = await RunningController.StartAsync();
        var store = controller.Service<EnrollmentStore>();
        var (now, older, newer) = (DateTimeOffset.UtcNow, new string('a', 64), new string('b', 64));

        await store.LearnAsync("ecu1", older, now, Ct);
        await store.LearnAsync("ecu1", newer, now.AddDays(1), Ct);
        await store.LearnAsync("ecu1", older, now, Ct);

        Assert.Equal(newer, store.Key("ecu1")!.Fingerprint);
    }

    private static async Task<AsyncDuplexStreamingCall<V1.AgentMessage, V1.ControllerMessage>> ConnectAsync(RunningController controller, string node)
    {
        var link = new V1.NodeGateway.NodeGatewayClient(controller.Node(node)).Connect(cancellationToken: Ct);
        await link.RequestStream.WriteAsync(new V1.AgentMessage { Hello = new V1.Hello { Node = node, Protocol = 1 } }, Ct);
        Assert.True(await link.ResponseStream.MoveNext(Ct));
        return link;
    }

    private static async Task<JoiningNode> JoinedAsync(RunningController controller)
    {
        var node = new JoiningNode(controller, "ecu1");
        await node.AskAsync();
        await new V1.EnrollmentService.EnrollmentServiceClient(controller.Local()).ApproveEnrollmentAsync(new V1.ApproveEnrollmentRequest { Node = "ecu1" }, cancellationToken: Ct);
        await node.AskAsync();
        return node;
    }
}
