using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging.Abstractions;
using Qm.Fleet.Agent.Enrollment;

namespace Qm.Fleet.Agent.Tests.Enrollment;

/// <summary>Nodes that nobody knows, over TLS, as their agents have them join.</summary>
public sealed class JoinTests
{
    private const string TokenPath = "etc/qm-fleet/join-token";
    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    [Fact(Timeout = 60_000)]
    [Trait("Requirement", "QMF-ENROLL-009")]
    public async Task Agent_WithATokenAndNothingElse_JoinsAndConnectsWithAKeyOfItsOwn()
    {
        using var node = Named();
        var (authority, server) = TestGateway.Certificates("127.0.0.1");
        var lobby = new TestLobby(authority);
        await using var gateway = await TestGateway.StartAsync(server, lobby: lobby);
        Token(node, authority, Private);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var agent = LinkTests.RunAsync(node, gateway, stop.Token);

        var stream = await gateway.NextStreamAsync();

        Assert.Equal(("ecu01", 1), (stream.Hello.Node, lobby.AskedForAuthorities));
        var asked = Assert.Single(lobby.Asked);
        Assert.Equal(("ecu01", "qmj1.id.secret"), (asked.Node, asked.JoinToken));
        Assert.False(File.Exists(node.Of(TokenPath)));
        Assert.Equal(["identity.pem"], Directory.GetFiles(node.Of("etc/qm-fleet/pki")).Select(Path.GetFileName));
        Assert.Equal(Private, File.GetUnixFileMode(node.Of("etc/qm-fleet/pki/identity.pem")));
        await stop.CancelAsync();
        await agent;
    }

    [Fact(Timeout = 60_000)]
    [Trait("Requirement", "QMF-ENROLL-009")]
    public async Task Agent_ThatHasToWait_AsksAgainForTheSameKeyAndSaysWhatItWaitsFor()
    {
        using var node = Named();
        var (authority, server) = TestGateway.Certificates("127.0.0.1");
        var lobby = new TestLobby(authority);
        lobby.Instead.Enqueue(new() { Pending = new() { RetryAfterMs = 1, Message = "Ann is asked." } });
        lobby.Instead.Enqueue(new() { Refused = new() { RetryAfterMs = 1, Reason = "Denied", Message = "Ann said no." } });
        await using var gateway = await TestGateway.StartAsync(server, lobby: lobby);
        node.Write("etc/qm-fleet/pki/ca.crt", authority.ExportCertificatePem());
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        List<string> told = [];
        var agent = AgentHost.RunAsync(new() { Root = node.Root, Controller = gateway.Address }, TimeProvider.System, NullLoggerFactory.Instance, () => 0, stop.Token, status: told.Add);

        await gateway.NextStreamAsync();

        Assert.Equal((3, 0), (lobby.Asked.Count, lobby.AskedForAuthorities));
        Assert.Single(lobby.Asked.Select(asked => CertificateOrder.Fingerprint(CertificateRequest.LoadSigningRequest(asked.Csr.ToByteArray(), System.Security.Cryptography.HashAlgorithmName.SHA256).PublicKey)).Distinct());
        Assert.Collection(
            told,
            first => Assert.StartsWith("ecu01 has not joined: Ann is asked. Its key is ", first, StringComparison.Ordinal),
            second => Assert.StartsWith("ecu01 has not joined: Ann said no. (Denied)", second, StringComparison.Ordinal),
            third => Assert.Equal("ecu01 has joined", third));
        await stop.CancelAsync();
        await agent;
    }

    [Theory(Timeout = 60_000)]
    [InlineData("fingerprint", "is not the controller that the join token is of")]
    [InlineData("authority", "certificate")]
    [InlineData("nothing", "Nothing says which controller to trust")]
    [InlineData("readable", "chmod 600")]
    [InlineData("garbage", "holds no join token")]
    [Trait("Requirement", "QMF-ENROLL-009")]
    public async Task Agent_ThatDoesNotKnowTheController_TellsItNothing(string problem, string said)
    {
        using var node = Named();
        var (authority, server) = TestGateway.Certificates("127.0.0.1");
        var other = TestGateway.Certificates("127.0.0.1").Authority;
        var lobby = new TestLobby(authority);
        await using var gateway = await TestGateway.StartAsync(server, lobby: lobby);
        switch (problem)
        {
            case "fingerprint":
                Token(node, other, Private);
                break;
            case "authority":
                Token(node, authority, Private);
                node.Write("etc/qm-fleet/pki/ca.crt", other.ExportCertificatePem());
                break;
            case "readable":
                Token(node, authority, Private | UnixFileMode.GroupRead);
                break;
            case "garbage":
                Token(node, authority, Private);
                File.WriteAllText(node.Of(TokenPath), "hello");
                break;
        }

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var told = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        var agent = AgentHost.RunAsync(
            new() { Root = node.Root, Controller = gateway.Address }, TimeProvider.System, NullLoggerFactory.Instance, () => 0, stop.Token, status: text => told.TrySetResult(text));

        Assert.Contains(said, await told.Task.WaitAsync(TestContext.Current.CancellationToken), StringComparison.OrdinalIgnoreCase);
        Assert.Empty(lobby.Asked);
        Assert.False(File.Exists(node.Of("etc/qm-fleet/pki/identity.pem")));
        await stop.CancelAsync();
        await agent;
    }

    private static EmulatedNode Named()
    {
        var node = new EmulatedNode();
        node.Write("etc/bluechi/agent.conf", "[bluechi-agent]\nNodeName=ecu01\n");
        return node;
    }

    private static void Token(EmulatedNode node, X509Certificate2 authority, UnixFileMode mode)
    {
        node.Write(TokenPath, $"qmj1.id.secret.{CertificateOrder.Fingerprint(authority.PublicKey)}\n");
        File.SetUnixFileMode(node.Of(TokenPath), mode);
    }
}
