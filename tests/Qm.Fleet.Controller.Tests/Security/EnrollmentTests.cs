using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Time.Testing;
using Qm.Fleet.Controller.Options;
using Qm.Fleet.Controller.Security;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.Enrollment;

namespace Qm.Fleet.Controller.Tests.Security;

public sealed class EnrollmentTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    [Trait("Requirement", "QMF-ENROLL-002")]
    public async Task Request_ApprovedByAPerson_IsIssuedToTheKeyThatAskedAndSpeaksForItsNode()
    {
        await using var controller = await RunningController.StartAsync();
        using var node = new JoiningNode(controller, "ecu1");

        Assert.Equal("It waits for somebody to approve it.", (await node.AskAsync()).Pending.Message);
        Assert.Equal(V1.RequestEnrollmentResponse.OutcomeOneofCase.Pending, (await node.AskAsync()).OutcomeCase);
        var waiting = Assert.Single((await People(controller).ListEnrollmentsAsync(new V1.ListEnrollmentsRequest(), cancellationToken: Ct)).Enrollments);
        Assert.Equal(("ecu1", V1.Enrollment.Types.State.Pending, node.Fingerprint, "127.0.0.1"), (waiting.Node, waiting.State, waiting.Fingerprint, waiting.Address));
        Assert.Contains("BlueChi", waiting.Bluechi.Message, StringComparison.Ordinal);

        var approved = await People(controller).ApproveEnrollmentAsync(new V1.ApproveEnrollmentRequest { Node = "ecu1", Reason = "on the bench" }, cancellationToken: Ct);
        Assert.Equal((V1.Enrollment.Types.State.Approved, "on the bench"), (approved.State, approved.Reason));
        var issued = (await node.AskAsync()).Issued;

        Assert.Equal(node.Fingerprint, CertificateRequests.Fingerprint(node.Certificate!.PublicKey));
        Assert.Equal(controller.Service<Pki>().AuthoritiesPem, issued.Authorities);
        Assert.Equal("node:ecu1", (await new V1.AccessService.AccessServiceClient(controller.Tls(node.Certificate)).WhoAmIAsync(new V1.WhoAmIRequest(), cancellationToken: Ct)).Name);
        var enrolled = await People(controller).GetEnrollmentAsync(new V1.GetEnrollmentRequest { Node = "ecu1" }, cancellationToken: Ct);
        Assert.Equal((V1.Enrollment.Types.State.Enrolled, node.Fingerprint, approved.DecidedBy), (enrolled.State, enrolled.Fingerprint, enrolled.DecidedBy));
        Assert.Equal(enrolled, await People(controller).ApproveEnrollmentAsync(new V1.ApproveEnrollmentRequest { Node = "ecu1" }, cancellationToken: Ct));
        Assert.Equal(["EnrollmentRequested", "EnrollmentApproved", "NodeEnrolled"], Reasons(controller));
    }

    // Times in certificates are whole seconds: what is made in the second of a revocation begins with the next, and who had it before that would be refused with it.
    [Fact]
    [Trait("Requirement", "QMF-RETIRE-002")]
    public async Task Request_InTheSecondOfARevocation_IsAnsweredWhenTheCertificateHolds()
    {
        var begin = new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);
        var time = new FakeTimeProvider(begin.AddMilliseconds(300));
        await using var controller = await RunningController.StartAsync(services => services.Replace(ServiceDescriptor.Singleton<TimeProvider>(time)));
        var token = await TokenAsync(controller, "again", 1, "ecu1");
        await new V1.NodeService.NodeServiceClient(controller.Local()).ApplyAsync(new V1.ApplyNodesRequest { Nodes = { Samples.Node() } }, cancellationToken: Ct);
        await new V1.NodeService.NodeServiceClient(controller.Local()).ReenrollAsync(new V1.ReenrollNodeRequest { Name = "ecu1" }, cancellationToken: Ct);
        time.Advance(TimeSpan.FromMilliseconds(100));
        using var node = new JoiningNode(controller, "ecu1");

        var asked = node.AskAsync(token);
        while (controller.Service<EnrollmentStore>().Key("ecu1") is null)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(10), Ct);
        }
        var early = controller.Service<EnrollmentStore>().Key("ecu1")!;
        Assert.False(asked.IsCompleted);
        while (!asked.IsCompleted)
        {
            time.Advance(TimeSpan.FromMilliseconds(100));
            await Task.WhenAny(asked, Task.Delay(TimeSpan.FromMilliseconds(10), Ct));
        }

        Assert.Equal(early.Certificate, (await asked).Issued.Certificate);
        Assert.Equal(begin.AddSeconds(1), node.Certificate!.NotBefore.ToUniversalTime());
        Assert.Equal(CallerIdentity.Node("ecu1"), controller.Service<Pki>().Peers().Identify(node.Certificate));
        Assert.Equal("node:ecu1", (await new V1.AccessService.AccessServiceClient(controller.Tls(node.Certificate)).WhoAmIAsync(new V1.WhoAmIRequest(), cancellationToken: Ct)).Name);
    }

    [Fact]
    [Trait("Requirement", "QMF-ENROLL-003")]
    public async Task Request_OfTheSameKeyAgain_GetsTheSameCertificateAndUsesUpNothing()
    {
        await using var controller = await RunningController.StartAsync();
        var token = await TokenAsync(controller, "once", 1, "ecu*");
        using var node = new JoiningNode(controller, "ecu1");

        var first = await node.AskAsync(token);
        var second = await node.AskAsync(token);

        Assert.NotEmpty(first.Issued.Certificate);
        Assert.Equal(first, second);
        Assert.Equal(1, Assert.Single(controller.Service<JoinTokenStore>().All()).Uses);
    }

    [Fact]
    [Trait("Requirement", "QMF-ENROLL-005")]
    public async Task Token_ForThree_LetsInThreeOfManyWhoComeAtOnce()
    {
        await using var controller = await RunningController.StartAsync();
        var token = await TokenAsync(controller, "three", 3, "ecu*");
        JoiningNode[] nodes = [.. Enumerable.Range(1, 12).Select(number => new JoiningNode(controller, FormattableString.Invariant($"ecu{number}")))];

        var answers = await Task.WhenAll(nodes.Select(node => node.AskAsync(token)));

        Assert.Equal(3, answers.Count(static answer => answer.Issued is not null));
        Assert.All(answers.Where(static answer => answer.Issued is null), static answer => Assert.Equal("TokenUsedUp", answer.Refused.Reason));
        Assert.Equal(3, Assert.Single(controller.Service<JoinTokenStore>().All()).Uses);
        Array.ForEach(nodes, static node => node.Dispose());
    }

    [Fact]
    [Trait("Requirement", "QMF-ENROLL-005")]
    public async Task Token_IssueThatIsNotStored_IsNotUsedUp()
    {
        var certificates = new CertificatesByHand { FailsNext = true };
        await using var controller = await RunningController.StartAsync(certificates.AddTo);
        var token = await TokenAsync(controller, "once", 1, "ecu1");
        using var node = new JoiningNode(controller, "ecu1");

        await Assert.ThrowsAsync<RpcException>(() => node.AskAsync(token));

        Assert.Equal(0, Assert.Single(controller.Service<JoinTokenStore>().All()).Uses);
        Assert.Null(controller.Service<EnrollmentStore>().Key("ecu1"));
        Assert.NotNull((await node.AskAsync(token)).Issued);
    }

    [Fact]
    [Trait("Requirement", "QMF-ENROLL-005")]
    public async Task Token_EndedRevokedForOthersOrWrong_SaysSoAndLetsNobodyIn()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var controller = await RunningController.StartAsync(services => services.Replace(ServiceDescriptor.Singleton<TimeProvider>(time)));
        var (token, revoked) = (await TokenAsync(controller, "bench", 5, "ecu1"), await TokenAsync(controller, "revoked", 5, "*"));
        await People(controller).RevokeJoinTokenAsync(new V1.RevokeJoinTokenRequest { Name = "revoked" }, cancellationToken: Ct);
        using var mine = new JoiningNode(controller, "ecu1");
        using var other = new JoiningNode(controller, "ecu2");

        Assert.Equal("TokenOutOfScope", (await other.AskAsync(token)).Refused.Reason);
        Assert.Equal("WrongToken", (await mine.AskAsync(revoked)).Refused.Reason);
        Assert.Equal("WrongToken", (await mine.AskAsync("qmj1.id.secret")).Refused.Reason);
        Assert.Equal("WrongToken", (await mine.AskAsync(Altered(token))).Refused.Reason);
        time.Advance(TimeSpan.FromHours(25));
        Assert.Equal("TokenEnded", (await mine.AskAsync(token)).Refused.Reason);
        Assert.Empty((await People(controller).ListEnrollmentsAsync(new V1.ListEnrollmentsRequest(), cancellationToken: Ct)).Enrollments);
        Assert.DoesNotContain(token.Split('.')[2], await File.ReadAllTextAsync(Path.Combine(controller.Options.State, "fleet.db-wal"), System.Text.Encoding.Latin1, Ct), StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Requirement", "QMF-ENROLL-005")]
    public async Task Token_GuessedTooOften_HasToWaitAlsoWhenItIsRight()
    {
        await using var controller = await RunningController.StartAsync();
        var token = await TokenAsync(controller, "bench", 5, "*");
        using var node = new JoiningNode(controller, "ecu1");
        for (var guess = 0; guess < GuessLimit.Most; guess++)
        {
            Assert.Equal("WrongToken", (await node.AskAsync(Altered(token))).Refused.Reason);
        }

        Assert.Equal(StatusCode.ResourceExhausted, (await Assert.ThrowsAsync<RpcException>(() => node.AskAsync(token))).StatusCode);
        Assert.NotNull((await node.AskAsync()).Pending);
    }

    [Fact]
    [Trait("Requirement", "QMF-ENROLL-001")]
    public async Task Request_ForANameThatAnotherKeyHas_IsRefusedAndRaisedWhateverItBrings()
    {
        await using var controller = await RunningController.StartAsync();
        var token = await TokenAsync(controller, "bench", 5, "*");
        using var node = new JoiningNode(controller, "ecu1");
        using var thief = new JoiningNode(controller, "ecu1");
        await thief.AskAsync();
        await node.AskAsync(token);

        var refused = (await thief.AskAsync(token)).Refused;
        await thief.AskAsync();
        var approval = await Assert.ThrowsAsync<RpcException>(async () => await People(controller).ApproveEnrollmentAsync(new V1.ApproveEnrollmentRequest { Node = "ecu1", Fingerprint = thief.Fingerprint }, cancellationToken: Ct));

        Assert.Equal("NameTaken", refused.Reason);
        Assert.Equal(StatusCode.FailedPrecondition, approval.StatusCode);
        var raised = Assert.Single(Events(controller), static told => told.Draft.Reason == "EnrollmentTakeover");
        Assert.Equal((EventSeverity.Critical, "ecu1", "address:127.0.0.1"), (raised.Draft.Severity, raised.Draft.Node, raised.Draft.Actor));
        Assert.Equal(node.Fingerprint, controller.Service<EnrollmentStore>().Key("ecu1")!.Fingerprint);
    }

    [Fact]
    [Trait("Requirement", "QMF-ENROLL-001")]
    public async Task Request_ForANameWithACertificateThatWasMadeByHand_IsRefusedOnceThatWasUsed()
    {
        await using var controller = await RunningController.StartAsync();
        using (var link = new V1.NodeGateway.NodeGatewayClient(controller.Node("ecu1")).Connect(cancellationToken: Ct))
        {
            await link.RequestStream.WriteAsync(new V1.AgentMessage { Hello = new V1.Hello { Node = "ecu1", Protocol = 1 } }, Ct);
            Assert.True(await link.ResponseStream.MoveNext(Ct));
            Assert.Equal(controller.Service<INodeCertificates>().AuthoritiesDigest, link.ResponseStream.Current.Welcome.AuthoritiesSha256);
            Assert.Null(link.ResponseStream.Current.Welcome.RenewalRequest);
        }
        using var thief = new JoiningNode(controller, "ecu1");

        Assert.Equal("NameTaken", (await thief.AskAsync()).Refused.Reason);
    }

    [Fact]
    [Trait("Requirement", "QMF-ENROLL-001")]
    public async Task Request_OfANodeThatMayTakeAnotherKeyOnce_IsDecidedAsIfNobodyHadTheName()
    {
        var standing = new StandingByHand { MayTakeAnother = true };
        await using var controller = await RunningController.StartAsync(services => services.Replace(ServiceDescriptor.Singleton<INodeStanding>(standing)));
        var token = await TokenAsync(controller, "bench", 5, "*");
        using var before = new JoiningNode(controller, "ecu1");
        using var after = new JoiningNode(controller, "ecu1");
        using var late = new JoiningNode(controller, "ecu1");
        standing.MayTakeAnother = false;
        await before.AskAsync(token);
        standing.MayTakeAnother = true;

        Assert.NotNull((await after.AskAsync()).Pending);
        Assert.NotNull((await after.AskAsync(token)).Issued);
        Assert.False(standing.MayTakeAnother);
        Assert.Equal("NameTaken", (await late.AskAsync(token)).Refused.Reason);
        standing.IsRevoked = true;
        Assert.Equal("Retired", (await after.AskAsync(token)).Refused.Reason);
        (standing.IsRevoked, standing.IsRetiredNow) = (false, true);
        Assert.Equal("Retired", (await after.AskAsync(token)).Refused.Reason);
        Assert.Equal(StatusCode.PermissionDenied, (await Assert.ThrowsAsync<RpcException>(() => after.RenewAsync())).StatusCode);
    }

    [Theory]
    [InlineData(PeerState.Same, true)]
    [InlineData(PeerState.Other, false)]
    [InlineData(PeerState.Offline, false)]
    [InlineData(PeerState.NotKnown, false)]
    [Trait("Requirement", "QMF-ENROLL-004")]
    public async Task PeerMatch_OnlyWhereBlueChiHasTheNodeAtThisAddress_LetsItIn(PeerState state, bool isIn)
    {
        var peers = new PeersByHand(state);
        await using var controller = await RunningController.StartAsync(
            services => services.Replace(ServiceDescriptor.Singleton<IPeerAddresses>(peers)), static options => options.AutoApprove = AutoApproval.BlueChiPeerMatch);
        using var node = new JoiningNode(controller, "ecu1");

        var answer = await node.AskAsync();

        Assert.Equal(("ecu1", IPAddress.Loopback), peers.Asked);
        Assert.Equal(isIn, answer.Issued is not null);
        Assert.Equal(isIn ? "" : "It waits for somebody to approve it, since BlueChi says so.", answer.Pending?.Message ?? "");
    }

    [Fact]
    [Trait("Requirement", "QMF-ENROLL-004")]
    public async Task PeerMatch_ThatIsNotOn_AsksBlueChiNothing()
    {
        var peers = new PeersByHand(PeerState.Same);
        await using var controller = await RunningController.StartAsync(services => services.Replace(ServiceDescriptor.Singleton<IPeerAddresses>(peers)));
        using var node = new JoiningNode(controller, "ecu1");

        Assert.NotNull((await node.AskAsync()).Pending);
        Assert.Null(peers.Asked);
    }

    [Fact]
    [Trait("Requirement", "QMF-ENROLL-002")]
    public async Task Deny_AndNoticeOfSeveralKeys_NamesWhichOne()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var controller = await RunningController.StartAsync(services => services.Replace(ServiceDescriptor.Singleton<TimeProvider>(time)));
        using var one = new JoiningNode(controller, "ecu1");
        using var other = new JoiningNode(controller, "ecu1");
        await one.AskAsync();
        await other.AskAsync();

        var error = await Assert.ThrowsAsync<RpcException>(async () => await People(controller).DenyEnrollmentAsync(new V1.DenyEnrollmentRequest { Node = "ecu1" }, cancellationToken: Ct));
        Assert.Equal(StatusCode.FailedPrecondition, error.StatusCode);
        Assert.Contains(one.Fingerprint, error.Status.Detail, StringComparison.Ordinal);
        await People(controller).DenyEnrollmentAsync(new V1.DenyEnrollmentRequest { Node = "ecu1", Fingerprint = one.Fingerprint[..8] }, cancellationToken: Ct);

        Assert.Equal("Denied", (await one.AskAsync()).Refused.Reason);
        Assert.NotNull((await other.AskAsync()).Pending);
        // What waits for a day is forgotten, and begins to wait anew.
        time.Advance(EnrollmentStore.Patience);
        Assert.NotNull((await one.AskAsync()).Pending);
        Assert.Equal(one.Fingerprint, Assert.Single((await People(controller).ListEnrollmentsAsync(new V1.ListEnrollmentsRequest(), cancellationToken: Ct)).Enrollments).Fingerprint);
    }

    [Fact]
    [Trait("Requirement", "QMF-ENROLL-007")]
    public async Task Requests_ManyKeysAndMuchData_AreBounded()
    {
        await using var controller = await RunningController.StartAsync();
        for (var key = 0; key < EnrollmentStore.MostOfNode; key++)
        {
            using var node = new JoiningNode(controller, "ecu1");
            Assert.NotNull((await node.AskAsync()).Pending);
        }
        using var late = new JoiningNode(controller, "ecu1");
        var full = await Assert.ThrowsAsync<RpcException>(() => late.AskAsync());
        Assert.Equal((StatusCode.ResourceExhausted, "8 keys ask for the name ecu1 already; somebody has to look at them."), (full.StatusCode, full.Status.Detail));
        for (var number = EnrollmentStore.MostOfNode; number < EnrollmentStore.MostOfAddress; number++)
        {
            using var node = new JoiningNode(controller, FormattableString.Invariant($"ecu{number + 2}"));
            Assert.NotNull((await node.AskAsync()).Pending);
        }
        using var another = new JoiningNode(controller, "rig1");
        Assert.Equal(StatusCode.ResourceExhausted, (await Assert.ThrowsAsync<RpcException>(() => another.AskAsync())).StatusCode);
        // Who brings a token does not wait, and needs no room.
        Assert.NotNull((await another.AskAsync(await TokenAsync(controller, "bench", 1, "rig1"))).Issued);

        var large = await Assert.ThrowsAsync<RpcException>(async () => await new V1.EnrollmentService.EnrollmentServiceClient(controller.Tls(null)).RequestEnrollmentAsync(
            new V1.RequestEnrollmentRequest { Node = "ecu1", Csr = ByteString.CopyFrom(new byte[100_000]) }, cancellationToken: Ct));
        Assert.Contains("the request does not read", large.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Requirement", "QMF-ENROLL-007")]
    public async Task Request_WrongInEveryField_NamesAllOfThem()
    {
        await using var controller = await RunningController.StartAsync();
        using var rsa = RSA.Create(2048);
        var request = new V1.RequestEnrollmentRequest
        {
            Node = "qm.ecu1",
            Csr = ByteString.CopyFrom(new CertificateRequest("CN=ecu1", rsa, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1).CreateSigningRequest()),
            JoinToken = new string('x', 1000),
        };

        var error = await Assert.ThrowsAsync<RpcException>(async () => await new V1.EnrollmentService.EnrollmentServiceClient(controller.Tls(null)).RequestEnrollmentAsync(request, cancellationToken: Ct));

        Assert.Equal(StatusCode.InvalidArgument, error.StatusCode);
        Assert.Equal(["node", "csr", "join_token"], error.GetRpcStatus()!.GetDetail<BadRequest>()!.FieldViolations.Select(static violation => violation.Field));
    }

    [Fact]
    [Trait("Requirement", "QMF-ENROLL-005")]
    public async Task CreateJoinToken_WrongInEveryField_NamesAllOfThem()
    {
        await using var controller = await RunningController.StartAsync();

        var error = await Assert.ThrowsAsync<RpcException>(async () => await People(controller).CreateJoinTokenAsync(
            new V1.CreateJoinTokenRequest { Name = "No Name", Nodes = { "a b" }, Site = "nowhere", MaxUses = -1, ExpiresAt = Timestamp.FromDateTimeOffset(DateTimeOffset.UnixEpoch) }, cancellationToken: Ct));

        Assert.Equal(
            ["name", "nodes", "site", "max_uses", "expires_at"], error.GetRpcStatus()!.GetDetail<BadRequest>()!.FieldViolations.Select(static violation => violation.Field));
    }

    [Fact]
    [Trait("Requirement", "QMF-ENROLL-005")]
    public async Task Request_ThatIsEmpty_IsToldTheAuthorityThatTokensName()
    {
        await using var controller = await RunningController.StartAsync();
        var token = await TokenAsync(controller, "bench", 1, "*");

        var answer = await new V1.EnrollmentService.EnrollmentServiceClient(controller.Tls(null)).RequestEnrollmentAsync(new V1.RequestEnrollmentRequest(), cancellationToken: Ct);

        using var authority = X509Certificate2.CreateFromPem(answer.Authorities);
        Assert.Equal(CertificateRequests.Fingerprint(authority.PublicKey), Assert.Single(JoinTokenText.Parse(token)!.Authorities));
    }

    private static string Altered(string token) => token.Split('.') is var parts && parts[2][0] == 'A' ? $"{parts[0]}.{parts[1]}.B{parts[2][1..]}" : $"{parts[0]}.{parts[1]}.A{parts[2][1..]}";

    private static V1.EnrollmentService.EnrollmentServiceClient People(RunningController controller) => new(controller.Local());

    private static async Task<string> TokenAsync(RunningController controller, string name, int uses, string nodes) =>
        (await People(controller).CreateJoinTokenAsync(new V1.CreateJoinTokenRequest { Name = name, Nodes = { nodes }, MaxUses = uses }, cancellationToken: Ct)).Secret;

    private static IReadOnlyList<StoredEvent> Events(RunningController controller) => controller.Service<EventLog>().After(0, "", "", 1000);

    private static IEnumerable<string> Reasons(RunningController controller) => Events(controller).Select(static told => told.Draft.Reason);

    /// <summary>What people decided about nodes, as a test says.</summary>
    private sealed class StandingByHand : INodeStanding
    {
        public bool MayTakeAnother { get; set; }

        public bool IsRetiredNow { get; set; }

        public bool IsRetired(string node) => IsRetiredNow;

        public bool MayEnrollAgain(string node) => MayTakeAnother;

        public void Enrolled(WriteTransaction tx, string node) => MayTakeAnother = false;

        public bool IsRevoked { get; set; }

        public bool MayRenew(string node, X509Certificate2 certificate) => !IsRevoked;
    }

    /// <summary>BlueChi's word as a test gives it.</summary>
    private sealed class PeersByHand(PeerState state) : IPeerAddresses
    {
        public (string Node, IPAddress? Address)? Asked { get; private set; }

        public Task<PeerReading> OfAsync(string node, IPAddress? address, CancellationToken ct)
        {
            Asked = (node, address);
            return Task.FromResult(new PeerReading(state, "", "BlueChi says so"));
        }

        public Task<Func<string, IPAddress?, PeerReading>> LookAsync(CancellationToken ct) => Task.FromResult<Func<string, IPAddress?, PeerReading>>((_, _) => new(state, "", "BlueChi says so"));
    }
}
