using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Grpc.Net.Client;
using Qm.Fleet.Lab.Processes;
using Qm.Fleet.V1;
using Xunit;
using Event = Qm.Fleet.V1.Event;

namespace Qm.Fleet.EndToEnd;

/// <summary>How nodes of a lab join, with the real controller and the real agent extensions.</summary>
[Trait("Requirement", "QMF-ENROLL-011")]
public sealed class EnrollmentTests
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(150);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    [Fact]
    public async Task Token_BroughtToEveryNode_LetsEachInWithAKeyOfItsOwn()
    {
        await using var lab = await FleetLab.StartAsync(2);

        Assert.All(lab.Lab.Nodes, static node =>
        {
            Assert.True(File.Exists(Path.Combine(node.Root, "etc/qm-fleet/pki/identity.pem")));
            Assert.False(File.Exists(Path.Combine(node.Root, "etc/qm-fleet/join-token")));
        });
        var enrolled = await EnrolledAsync(lab, 2);
        Assert.All(enrolled, static one => Assert.Equal("jointoken:lab", one.DecidedBy));
        Assert.Equal(2, enrolled.Select(static one => one.Fingerprint).Distinct().Count());
        Assert.Contains("2 of 2", await lab.RunAsync("join-token", "list"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Person_WhoApproves_LetsTheNodeInAndASecondKeyOfItsNameIsRefusedAndRaised()
    {
        await using var lab = await FleetLab.StartAsync(new LabOptions { Nodes = 1, Join = LabJoin.Nothing });
        var waiting = (await ListedAsync(lab, static all => all.Any(one => one.State == Enrollment.Types.State.Pending), "a node waits"))[0];
        Assert.Contains(waiting.Fingerprint, await File.ReadAllTextAsync(Path.Combine(lab.Lab.Directory.Logs, "agent-ecu1.log"), FleetLab.Ct), StringComparison.Ordinal);

        Assert.Contains($"enrollment/ecu1 approved, key {waiting.Fingerprint}", await lab.RunAsync("enrollments", "approve", "ecu1"), StringComparison.Ordinal);
        await lab.NodeAsync("ecu1", NodeWatch.HasExtension, "ecu1 is connected");

        Assert.Equal(waiting.Fingerprint, Assert.Single(await EnrolledAsync(lab, 1)).Fingerprint);
        Assert.Equal("NameTaken", (await AskAsNobodyAsync(lab, "ecu1")).Refused.Reason);
        var raised = (await lab.EventsUntilAsync("EnrollmentTakeover", "ecu1"))[^1];
        Assert.Equal(Event.Types.Severity.Critical, raised.Severity);
        Assert.Equal(waiting.Fingerprint, Assert.Single(await EnrolledAsync(lab, 1)).Fingerprint);
    }

    [Fact]
    public async Task PeerMatch_LetsInWhoAsksFromWhereBlueChiHasThemAndNobodyElse()
    {
        await using var lab = await FleetLab.StartAsync(new LabOptions { Nodes = 2, Join = LabJoin.Nothing, ControllerArguments = ["--auto-approve", "bluechi-peer-match"] });
        await ListedAsync(lab, static all => all.Count == 2, "both nodes wait");

        lab.Lab.BlueChi.Faults.ConnectFrom("ecu2", "192.0.2.9");
        lab.Lab.BlueChi.Faults.ConnectFrom("ecu1", "127.0.0.1");
        var all = await ListedAsync(lab, static all => all.Any(one => one is { Node: "ecu1", State: Enrollment.Types.State.Enrolled }), "ecu1 is let in");

        Assert.Equal("rule:bluechi-peer-match", all.Single(static one => one.Node == "ecu1").DecidedBy);
        var other = all.Single(static one => one.Node == "ecu2");
        Assert.Equal((Enrollment.Types.State.Pending, BlueChiPeer.Types.State.Other), (other.State, other.Bluechi.State));
        Assert.Contains("at 192.0.2.9", await lab.RunAsync("enrollments", "list"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Token_ForOne_LetsInOneHoweverOftenTheControllerIsKilled()
    {
        await using var lab = await FleetLab.StartAsync(new LabOptions { Nodes = 3, Join = LabJoin.Nothing });
        var token = (await lab.RunAsync("join-token", "create", "one", "--node", "*")).Split('\n')[0];
        foreach (var node in lab.Lab.Nodes)
        {
            await LabEnrollment.WriteTokenAsync(node, token, FleetLab.Ct);
        }

        for (var kill = 0; kill < 5; kill++)
        {
            await ListedAsync(lab, static all => all.Count > 0, "somebody asks");
            await lab.Lab.Controller.KillAsync();
            await lab.Lab.StartControllerAsync(FleetLab.Ct);
        }

        await EnrolledAsync(lab, 1);
        // Whoever asks now finds it used up: it is said in its log.
        await UntilAsync(async () => (await Task.WhenAll(lab.Lab.Nodes.Select(node => File.ReadAllTextAsync(Path.Combine(lab.Lab.Directory.Logs, $"agent-{node.Name}.log"), FleetLab.Ct))))
            .Count(static log => log.Contains("TokenUsedUp", StringComparison.Ordinal)) == 2, "two were told that the token is used up");
        Assert.Single(await EnrolledAsync(lab, 1));
        Assert.Equal(1, (await lab.EventsAsync()).Count(static told => told.Reason == "NodeEnrolled"));
        Assert.Contains("1 of 1", await lab.RunAsync("join-token", "list"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Renewal_WhileRolloutsGoOn_CostsOneReconnectEachAndNothingElse()
    {
        await using var lab = await FleetLab.StartAsync(new LabOptions { Nodes = 3, ControllerArguments = ["--certificate-life", "0.25"] });
        var limits = new[] { "1G", "1536M", "2G" };
        for (var turn = 0; (await RenewalsAsync(lab)).Min() < 2; turn++)
        {
            await lab.ApplyAsync("cockpit.yaml", ("MemoryHigh: 2G", $"MemoryHigh: {limits[turn % limits.Length]}"));
            await lab.ConvergedAsync((await lab.CockpitAsync()).Status.Revision);
        }

        var log = await File.ReadAllTextAsync(Path.Combine(lab.Lab.Directory.Logs, "controller.log"), FleetLab.Ct);
        var renewals = await RenewalsAsync(lab);
        foreach (var (node, renewed) in lab.Lab.Nodes.Zip(renewals))
        {
            // The first stream, one for each renewal, and none besides.
            Assert.InRange(log.Split($"Agent extension of {node.Name} connected").Length - 1, 2, renewed + 1);
        }

        Assert.DoesNotContain(await lab.EventsAsync(), static told => told.Reason is "RolloutFailed" or "RolloutPaused" or "EnrollmentTakeover" or "AccessRefused");
    }

    private static async Task<int[]> RenewalsAsync(FleetLab lab)
    {
        var events = await lab.EventsAsync();
        return [.. lab.Lab.Nodes.Select(node => events.Count(told => told.Reason == "CertificateRenewed" && told.Node == node.Name))];
    }

    private static Task<IReadOnlyList<Enrollment>> EnrolledAsync(FleetLab lab, int count) =>
        ListedAsync(lab, all => all.Count(static one => one.State == Enrollment.Types.State.Enrolled) >= count, $"{count} are enrolled", static one => one.State == Enrollment.Types.State.Enrolled);

    private static async Task<IReadOnlyList<Enrollment>> ListedAsync(FleetLab lab, Func<IReadOnlyList<Enrollment>, bool> done, string what, Func<Enrollment, bool>? only = null)
    {
        IReadOnlyList<Enrollment> all = [];
        await UntilAsync(
            async () =>
            {
                all = [.. (await new EnrollmentService.EnrollmentServiceClient(lab.Lab.Channel).ListEnrollmentsAsync(new(), cancellationToken: FleetLab.Ct)).Enrollments];
                return done(all);
            },
            what);
        return [.. all.Where(only ?? (static _ => true))];
    }

    private static async Task UntilAsync(Func<Task<bool>> done, string what)
    {
        using var deadline = new CancellationTokenSource(Deadline, TimeProvider.System);
        while (!await done())
        {
            Assert.False(deadline.IsCancellationRequested, $"not within {Deadline.TotalSeconds:0} s: {what}");
            await Task.Delay(Pause, TimeProvider.System, FleetLab.Ct);
        }
    }

    private static async Task<RequestEnrollmentResponse> AskAsNobodyAsync(FleetLab lab, string node)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var trust = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        trust.CustomTrustStore.ImportFromPemFile(Path.Combine(lab.Lab.Directory.ControllerState, "pki/admin/ca.crt"));
        using var channel = GrpcChannel.ForAddress(lab.Lab.Endpoint, new()
        {
            HttpHandler = new SocketsHttpHandler { SslOptions = new() { CertificateChainPolicy = trust } },
            DisposeHttpClient = true,
        });
        return await new EnrollmentService.EnrollmentServiceClient(channel).RequestEnrollmentAsync(
            new() { Node = node, Csr = ByteString.CopyFrom(new CertificateRequest("CN=thief", key, HashAlgorithmName.SHA256).CreateSigningRequest()) }, cancellationToken: FleetLab.Ct);
    }
}
