using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Google.Rpc;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Time.Testing;
using Qm.Fleet.Controller.Security;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Controller.Tests.Gateway;
using Qm.Fleet.Core.Enrollment;

namespace Qm.Fleet.Controller.Tests.Security;

public sealed class PkiApiTests
{
    private const string RequestId = "123e4567-e89b-12d3-a456-426614174000";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact, Trait("Requirement", "QMF-PKI-001")]
    public async Task Issue_ForAPersonsOwnKey_IsWhoTheyAre()
    {
        await using var controller = await RunningController.StartAsync();
        using var person = await Person.IssueAsync(controller, "ann", "operator");

        var identity = await new V1.AccessService.AccessServiceClient(controller.Tls(person.Certificate)).WhoAmIAsync(new(), cancellationToken: Ct);

        Assert.Equal(("operator:ann", "operator"), (identity.Name, Assert.Single(identity.Roles)));
        Assert.Equal(person.Authorities, controller.Service<Pki>().AuthoritiesPem);
        var told = Assert.Single(Events(controller, "CertificateIssued"));
        Assert.Contains(person.Certificate.SerialNumber.ToLowerInvariant(), told.Draft.Message, StringComparison.Ordinal);
    }

    [Fact, Trait("Requirement", "QMF-PKI-001")]
    public async Task Issue_EverythingWrong_IsToldAtOnceAndNothingMade()
    {
        await using var controller = await RunningController.StartAsync();
        var pki = new V1.PkiService.PkiServiceClient(controller.Local());

        var error = await Assert.ThrowsAsync<RpcException>(async () =>
            await pki.IssueAsync(new() { Name = "Ann B", Role = "node", Request = ByteString.CopyFromUtf8("hello") }, cancellationToken: Ct));

        Assert.Equal(StatusCode.InvalidArgument, error.StatusCode);
        Assert.Equal(["name", "role", "request"], error.GetRpcStatus()!.GetDetail<BadRequest>()!.FieldViolations.Select(static problem => problem.Field));
        Assert.Empty(Events(controller, "CertificateIssued"));
    }

    [Fact, Trait("Requirement", "QMF-PKI-006")]
    public async Task Revoke_WhileStreamsGoOn_EndsThemAndNobodyElses()
    {
        await using var controller = await RunningController.StartAsync();
        using var ann = await Person.IssueAsync(controller, "ann", "viewer");
        using var bob = await Person.IssueAsync(controller, "bob", "viewer");
        using var watchOfAnn = await WatchAsync(controller, ann.Certificate);
        using var watchOfBob = await WatchAsync(controller, bob.Certificate);

        await new V1.PkiService.PkiServiceClient(controller.Local()).RevokeAsync(new() { Subject = "viewer:ann", Reason = "left" }, cancellationToken: Ct);

        await watchOfAnn.EndsAsync();
        Assert.True(await watchOfBob.ResponseStream.MoveNext(Ct).WaitAsync(RunningController.Deadline, Ct));
        Assert.NotEqual(StatusCode.OK, await CallAsync(controller, ann.Certificate));
        Assert.Equal(StatusCode.OK, await CallAsync(controller, bob.Certificate));
        Assert.Equal("CertificateRevoked", watchOfBob.ResponseStream.Current.Reason);
    }

    [Fact, Trait("Requirement", "QMF-PKI-006")]
    public async Task Revoke_OneBySerial_LeavesTheOthersOfThePerson()
    {
        await using var controller = await RunningController.StartAsync();
        using var lost = await Person.IssueAsync(controller, "ann", "viewer");
        using var kept = await Person.IssueAsync(controller, "ann", "viewer");
        var pki = new V1.PkiService.PkiServiceClient(controller.Local());

        await pki.RevokeAsync(new() { Serial = lost.Certificate.SerialNumber, Reason = "lost", DryRun = true }, cancellationToken: Ct);
        Assert.Equal(StatusCode.OK, await CallAsync(controller, lost.Certificate));
        await pki.RevokeAsync(new() { Serial = lost.Certificate.SerialNumber, Reason = "lost", RequestId = RequestId }, cancellationToken: Ct);
        await pki.RevokeAsync(new() { Serial = lost.Certificate.SerialNumber, Reason = "lost", RequestId = RequestId }, cancellationToken: Ct);

        Assert.NotEqual(StatusCode.OK, await CallAsync(controller, lost.Certificate));
        Assert.Equal(StatusCode.OK, await CallAsync(controller, kept.Certificate));
        var revocation = Assert.Single((await pki.ListRevocationsAsync(new(), cancellationToken: Ct)).Revocations);
        Assert.Equal((lost.Certificate.SerialNumber.ToLowerInvariant(), "lost", SecurityFacts.LocalActor), (revocation.Serial, revocation.Reason, revocation.Actor));
        Assert.Single(Events(controller, "CertificateRevoked"));
    }

    [Fact, Trait("Requirement", "QMF-PKI-006")]
    public async Task Revoke_ThenARestart_StaysRevokedAndANewOneCounts()
    {
        using var folder = new TemporaryFolder();
        X509Certificate2 certificate;
        await using (var first = await RunningController.StartAsync(adjust: options => options.State = folder["state"]))
        {
            using var person = await Person.IssueAsync(first, "ann", "viewer");
            certificate = X509Certificate2.CreateFromPem(person.Pem, person.Key);
            await new V1.PkiService.PkiServiceClient(first.Local()).RevokeAsync(new() { Subject = "viewer:ann", Reason = "left" }, cancellationToken: Ct);
        }

        // Certificates count whole seconds: one that is made after a revocation begins in the next.
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow + TimeSpan.FromSeconds(5));
        await using var controller = await RunningController.StartAsync(services => services.Replace(ServiceDescriptor.Singleton<TimeProvider>(time)), options => options.State = folder["state"]);
        using var again = await Person.IssueAsync(controller, "ann", "viewer");

        Assert.NotEqual(StatusCode.OK, await CallAsync(controller, certificate));
        Assert.Equal(StatusCode.OK, await CallAsync(controller, again.Certificate));
        certificate.Dispose();
    }

    [Theory, Trait("Requirement", "QMF-PKI-006")]
    [InlineData("", "", "", "serial,reason")]
    [InlineData("0a", "viewer:ann", "lost", "serial")]
    [InlineData("zz", "", "lost", "serial")]
    [InlineData("", "local:root", "lost", "subject")]
    [InlineData("", "viewer:", "lost", "subject")]
    public async Task Revoke_WhatIsNobodys_IsRefusedWithEveryProblem(string serial, string subject, string reason, string fields)
    {
        await using var controller = await RunningController.StartAsync();

        var error = await Assert.ThrowsAsync<RpcException>(async () => await new V1.PkiService.PkiServiceClient(controller.Local())
            .RevokeAsync(new() { Serial = serial, Subject = subject, Reason = reason }, cancellationToken: Ct));

        Assert.Equal(fields.Split(','), error.GetRpcStatus()!.GetDetail<BadRequest>()!.FieldViolations.Select(static problem => problem.Field));
    }

    [Fact, Trait("Requirement", "QMF-PKI-003")]
    public async Task Rotate_UntilNobodyHasAnOldOne_IsFinishedOnlyByForce()
    {
        await using var controller = await RunningController.StartAsync();
        using var agent = await Agent.ConnectAsync(controller);
        var pki = new V1.PkiService.PkiServiceClient(controller.Local());

        var begun = await pki.RotateAuthorityAsync(new() { Reason = "stolen disk", RequestId = RequestId }, cancellationToken: Ct);
        var same = await pki.RotateAuthorityAsync(new() { Reason = "stolen disk", RequestId = RequestId }, cancellationToken: Ct);
        var refused = await Assert.ThrowsAsync<RpcException>(async () => await pki.FinishRotationAsync(new(), cancellationToken: Ct));

        Assert.Equal(begun, same);
        Assert.Equal(["node:ecu1"], begun.UsersOfOld);
        Assert.Equal([false, true], begun.Authorities.Select(static authority => authority.Retiring));
        Assert.Equal(StatusCode.FailedPrecondition, refused.StatusCode);
        Assert.Contains("node:ecu1", refused.Status.Detail, StringComparison.Ordinal);
        using var renewed = await Agent.ConnectAsync(controller);
        var finished = await pki.FinishRotationAsync(new(), cancellationToken: Ct);
        Assert.Single(finished.Authorities);
        Assert.Equal((0, begun.Authorities[0].Certificate), (finished.UsersOfOldCount, finished.Authorities[0].Certificate));
        Assert.Equal(begun.Authorities[0].Certificate.Subject, finished.Server.Issuer);
        Assert.Equal(["AuthorityRotating", "AuthorityRetired"], controller.Service<EventLog>().After(0, "", "", 100).Select(static told => told.Draft.Reason).Where(static reason => reason.StartsWith("Authority", StringComparison.Ordinal)));
    }

    [Fact, Trait("Requirement", "QMF-ENROLL-013")]
    public async Task Finish_WhileAJoinTokenNamesTheOldOneAlone_IsRefusedUntilThatIsMadeAnew()
    {
        await using var controller = await RunningController.StartAsync();
        var (pki, tokens) = (new V1.PkiService.PkiServiceClient(controller.Local()), new V1.EnrollmentService.EnrollmentServiceClient(controller.Local()));
        await tokens.CreateJoinTokenAsync(new() { Name = "bench", Nodes = { "ecu*" } }, cancellationToken: Ct);
        var used = await tokens.CreateJoinTokenAsync(new() { Name = "used", Nodes = { "ecu*" } }, cancellationToken: Ct);
        using var node = new JoiningNode(controller, "ecu1");
        Assert.NotNull((await node.AskAsync(used.Secret)).Issued);
        var begun = await pki.RotateAuthorityAsync(new(), cancellationToken: Ct);
        await node.RenewAsync();
        var everything = await Assert.ThrowsAsync<RpcException>(async () => await pki.FinishRotationAsync(new(), cancellationToken: Ct));
        Assert.True(everything.Status.Detail.Contains("node:ecu1", StringComparison.Ordinal) && everything.Status.Detail.Contains("bench", StringComparison.Ordinal), everything.Status.Detail);
        await new V1.AccessService.AccessServiceClient(controller.Tls(node.Certificate)).WhoAmIAsync(new(), cancellationToken: Ct);

        var refused = await Assert.ThrowsAsync<RpcException>(async () => await pki.FinishRotationAsync(new(), cancellationToken: Ct));

        Assert.Equal(["bench"], begun.JoinTokensOfOld);
        Assert.Equal(StatusCode.FailedPrecondition, refused.StatusCode);
        Assert.Contains("bench", refused.Status.Detail, StringComparison.Ordinal);
        Assert.DoesNotContain("used", refused.Status.Detail.Replace("can be used", "", StringComparison.Ordinal), StringComparison.Ordinal);
        await tokens.RevokeJoinTokenAsync(new() { Name = "bench" }, cancellationToken: Ct);
        var both = JoinTokenText.Parse((await tokens.CreateJoinTokenAsync(new() { Name = "bench", Nodes = { "ecu*" } }, cancellationToken: Ct)).Secret)!;
        Assert.Equal(controller.Service<Pki>().Authorities.KeyFingerprints, both.Authorities);
        Assert.Equal(2, both.Authorities.Count);
        Assert.Empty((await pki.FinishRotationAsync(new(), cancellationToken: Ct)).JoinTokensOfOld);
        Assert.Contains(Assert.Single(controller.Service<Pki>().Authorities.KeyFingerprints), both.Authorities);
        using var later = new JoiningNode(controller, "ecu2");
        Assert.NotNull((await later.AskAsync(both.Presented.Reveal())).Issued);
    }

    [Fact, Trait("Requirement", "QMF-ENROLL-013")]
    public async Task Finish_ByForce_LosesTheJoinTokensThatNameTheOldOneAlone()
    {
        await using var controller = await RunningController.StartAsync();
        var (pki, tokens) = (new V1.PkiService.PkiServiceClient(controller.Local()), new V1.EnrollmentService.EnrollmentServiceClient(controller.Local()));
        await tokens.CreateJoinTokenAsync(new() { Name = "bench", Nodes = { "ecu*" } }, cancellationToken: Ct);
        await pki.RotateAuthorityAsync(new(), cancellationToken: Ct);

        Assert.Single((await pki.FinishRotationAsync(new() { Force = true }, cancellationToken: Ct)).Authorities);
    }

    [Fact, Trait("Requirement", "QMF-PKI-004")]
    public async Task Import_OverTheNetwork_IsRefusedAndOnTheSocketTaken()
    {
        await using var controller = await RunningController.StartAsync();
        var brought = CertificateAuthority.Create(DateTimeOffset.UtcNow, CertificateLives.Default);
        V1.ImportAuthorityRequest request = new() { Chain = brought.Certificate, Key = brought.Key.Reveal() };

        var refused = await Assert.ThrowsAsync<RpcException>(async () => await new V1.PkiService.PkiServiceClient(controller.Admin()).ImportAuthorityAsync(request, cancellationToken: Ct));
        var taken = await new V1.PkiService.PkiServiceClient(controller.Local()).ImportAuthorityAsync(request, cancellationToken: Ct);

        Assert.Equal(StatusCode.FailedPrecondition, refused.StatusCode);
        using var certificate = X509Certificate2.CreateFromPem(brought.Certificate);
        Assert.Equal(certificate.Subject, taken.Authorities[0].Certificate.Subject);
        Assert.DoesNotContain("PRIVATE", taken.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain(controller.Service<EventLog>().After(0, "", "", 100), told => told.Draft.Message.Contains("PRIVATE", StringComparison.Ordinal) || told.Details.After.Contains("PRIVATE", StringComparison.Ordinal));
    }

    [Fact, Trait("Requirement", "QMF-PKI-003")]
    public async Task Start_WhereAStepWasNotToldOf_TellsOfIt()
    {
        using var folder = new TemporaryFolder();
        using (var pki = Pki.Open(folder["state"], TimeProvider.System))
        {
            pki.BeginRotation(null, "admin:ann", "");
        }
        for (var start = 0; start < 2; start++)
        {
            await using var controller = await RunningController.StartAsync(adjust: options => options.State = folder["state"]);
            await controller.Service<PkiKeeper>().LookAsync(Ct);

            Assert.Equal("admin:ann", Assert.Single(Events(controller, "AuthorityRotating")).Draft.Actor);
        }
    }

    private static IReadOnlyList<StoredEvent> Events(RunningController controller, string reason) =>
        [.. controller.Service<EventLog>().After(0, "", "", 1000).Where(told => told.Draft.Reason == reason)];

    private static async Task<AsyncServerStreamingCall<V1.Event>> WatchAsync(RunningController controller, X509Certificate2 certificate)
    {
        var watch = new V1.EventService.EventServiceClient(controller.Tls(certificate)).Watch(new V1.WatchEventsRequest { After = -1 }, cancellationToken: Ct);
        await watch.ResponseHeadersAsync.WaitAsync(RunningController.Deadline, Ct);
        return watch;
    }

    private static async Task<StatusCode> CallAsync(RunningController controller, X509Certificate2 certificate)
    {
        try
        {
            await new V1.FleetService.FleetServiceClient(controller.Tls(certificate)).ListAsync(new(), deadline: DateTime.UtcNow + RunningController.Deadline, cancellationToken: Ct);
            return StatusCode.OK;
        }
        catch (RpcException e)
        {
            return e.StatusCode;
        }
    }
}

/// <summary>Somebody with a certificate whose key they made themselves.</summary>
internal sealed class Person(string pem, string key, string authorities) : IDisposable
{
    public string Pem => pem;

    public string Key => key;

    public string Authorities => authorities;

    public X509Certificate2 Certificate { get; } = X509Certificate2.CreateFromPem(pem, key);

    public static async Task<Person> IssueAsync(RunningController controller, string name, string role)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var issued = await new V1.PkiService.PkiServiceClient(controller.Local()).IssueAsync(
            new() { Name = name, Role = role, Request = ByteString.CopyFrom(new CertificateRequest("CN=ignored", key, HashAlgorithmName.SHA256).CreateSigningRequest()) },
            cancellationToken: TestContext.Current.CancellationToken);
        return new(issued.Certificate, key.ExportPkcs8PrivateKeyPem(), issued.Authorities);
    }

    public void Dispose() => Certificate.Dispose();
}
