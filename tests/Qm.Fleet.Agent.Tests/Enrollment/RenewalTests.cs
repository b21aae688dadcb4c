using Qm.Fleet.Agent.Enrollment;
using Qm.Fleet.V1;

namespace Qm.Fleet.Agent.Tests.Enrollment;

/// <summary>Certificates that are renewed over the link that is made with them.</summary>
[Trait("Requirement", "QMF-ENROLL-010")]
public sealed class RenewalTests
{
    [Fact(Timeout = 60_000)]
    public async Task Agent_AskedByTheController_RenewsAndComesBackOnceWithTheNewCertificate()
    {
        using var node = new EmulatedNode();
        var (authority, server) = TestGateway.Certificates("127.0.0.1");
        TestGateway.Enrol(node, "ecu01", authority);
        var lobby = new TestLobby(authority);
        await using var gateway = await TestGateway.StartAsync(server, lobby: lobby);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var agent = LinkTests.RunAsync(node, gateway, stop.Token);
        var first = await gateway.NextStreamAsync();
        await first.ReportAsync(_ => true);

        await first.RenewAsync();
        await first.RestAsync();
        var second = await gateway.NextStreamAsync();

        Assert.NotEqual(first.Serial, second.Serial);
        Assert.Equal([first.Serial], lobby.Renewed);
        Assert.Equal(["ca.crt", "identity.pem", "node.crt", "node.key"], Directory.GetFiles(node.Of("etc/qm-fleet/pki")).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        var staged = await second.DoAsync(new Command { Stage = AgentProcess.Wire(Sample.Old) });
        Assert.True(staged.Result.Ok, staged.Result.Message);
        await stop.CancelAsync();
        await agent;
    }

    [Fact(Timeout = 60_000)]
    public async Task Agent_CommandsUnderWay_AreAnsweredBeforeTheStreamIsLeft()
    {
        using var node = new EmulatedNode();
        var (authority, server) = TestGateway.Certificates("127.0.0.1");
        TestGateway.Enrol(node, "ecu01", authority);
        await using var gateway = await TestGateway.StartAsync(server, lobby: new(authority));
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var agent = LinkTests.RunAsync(node, gateway, stop.Token);
        var first = await gateway.NextStreamAsync();
        await first.RenewAsync();
        await first.SendAsync(new Command { Stage = AgentProcess.Wire(Sample.Old) });

        var rest = await first.RestAsync();
        var second = await gateway.NextStreamAsync();

        // The command was begun and then answered, or it was not begun: then nothing is staged.
        var answered = rest.Any(message => message.Result is { Ok: true });
        Assert.Equal(answered ? "r1" : "", (await second.ReportAsync(_ => true)).StagedRevision);
        await stop.CancelAsync();
        await agent;
    }

    [Fact(Timeout = 60_000)]
    public async Task Agent_ThatTrustsOthersThanTheWelcomeSays_TakesUpTheNewAuthorities()
    {
        using var node = new EmulatedNode();
        var (authority, server) = TestGateway.Certificates("127.0.0.1");
        TestGateway.Enrol(node, "ecu01", authority);
        var lobby = new TestLobby(authority);
        await using var gateway = await TestGateway.StartAsync(server, new() { ReportIntervalMs = 60_000, AuthoritiesSha256 = new string('0', 64) }, lobby: lobby);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var agent = LinkTests.RunAsync(node, gateway, stop.Token);

        await (await gateway.NextStreamAsync()).RestAsync();
        var second = await gateway.NextStreamAsync();
        await second.ReportAsync(_ => true);

        // It is said again, and not done again at once: nobody renews without an end.
        Assert.Single(lobby.Renewed);
        Assert.True(CertificateRenewal.Rest >= TimeSpan.FromMinutes(1));
        await stop.CancelAsync();
        await agent;
    }

    [Fact(Timeout = 60_000)]
    public async Task Agent_CertificateAtTwoThirdsOfItsLife_IsRenewedUnasked()
    {
        using var node = new EmulatedNode();
        var (authority, server) = TestGateway.Certificates("127.0.0.1");
        var lobby = new TestLobby(authority) { Life = TimeSpan.FromSeconds(9) };
        await using var gateway = await TestGateway.StartAsync(server, lobby: lobby);
        node.Write("etc/bluechi/agent.conf", "[bluechi-agent]\nNodeName=ecu01\n");
        node.Write("etc/qm-fleet/pki/ca.crt", authority.ExportCertificatePem());
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var agent = LinkTests.RunAsync(node, gateway, stop.Token);

        var first = await gateway.NextStreamAsync();
        lobby.Life = TimeSpan.FromDays(1);
        await first.RestAsync();
        var second = await gateway.NextStreamAsync();

        Assert.NotEqual(first.Serial, second.Serial);
        Assert.Equal([first.Serial], lobby.Renewed);
        await stop.CancelAsync();
        await agent;
    }
}
