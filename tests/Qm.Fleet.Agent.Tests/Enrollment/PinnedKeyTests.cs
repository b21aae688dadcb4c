using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging.Abstractions;
using Qm.Fleet.Agent.Enrollment;

namespace Qm.Fleet.Agent.Tests.Enrollment;

/// <summary>Nodes whose token names an authority that a company's root has signed, and servers that would have the token.</summary>
[Trait("Requirement", "QMF-ENROLL-012")]
public sealed class PinnedKeyTests : IDisposable
{
    private const string TokenPath = "etc/qm-fleet/join-token";
    private const string Identity = "etc/qm-fleet/pki/identity.pem";
    private const string Host = "127.0.0.1";
    private const string Server = "1.3.6.1.5.5.7.3.1";
    private const string Client = "1.3.6.1.5.5.7.3.2";
    private const string NotSigned = "is not signed by the key";

    private readonly EmulatedNode _node = new();
    private readonly X509Certificate2 _root = TestGateway.Certificates(Host).Authority;
    private readonly X509Certificate2 _authority;

    public PinnedKeyTests()
    {
        _authority = Under(_root, "CN=fleets");
        _node.Write("etc/bluechi/agent.conf", "[bluechi-agent]\nNodeName=ecu01\n");
        Token(_authority);
    }

    public void Dispose()
    {
        _authority.Dispose();
        _root.Dispose();
        _node.Dispose();
    }

    [Fact(Timeout = 60_000)]
    public async Task Agent_WithATokenOfAnIntermediate_JoinsConnectsAndRenews()
    {
        using var server = Leaf(_authority);
        var lobby = new TestLobby(_authority) { Authorities = Pem(_authority, _root) };
        await using var gateway = await TestGateway.StartAsync(server, lobby: lobby);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var agent = LinkTests.RunAsync(_node, gateway, stop.Token);

        var first = await gateway.NextStreamAsync();
        Assert.Equal("qmj1.id.secret", Assert.Single(lobby.Asked).JoinToken);
        Assert.False(File.Exists(_node.Of(TokenPath)));
        await first.RenewAsync();
        await first.RestAsync();
        var second = await gateway.NextStreamAsync();

        Assert.Equal([first.Serial], lobby.Renewed);
        Assert.NotEqual(first.Serial, second.Serial);
        Assert.Contains(_root.ExportCertificatePem(), await File.ReadAllTextAsync(_node.Of(Identity), stop.Token), StringComparison.Ordinal);
        await stop.CancelAsync();
        await agent;
    }

    [Theory(Timeout = 60_000)]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Agent_WithATokenOfTwoAuthorities_JoinsUnderEither(bool isFirst)
    {
        using var other = Under(_root, "CN=next");
        Token(isFirst ? [_authority, other] : [other, _authority]);
        using var server = Leaf(_authority);
        var lobby = new TestLobby(_authority) { Authorities = Pem(_authority, _root) };
        await using var gateway = await TestGateway.StartAsync(server, lobby: lobby);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var agent = LinkTests.RunAsync(_node, gateway, stop.Token);

        Assert.Equal("ecu01", (await gateway.NextStreamAsync()).Hello.Node);

        Assert.Equal("qmj1.id.secret", Assert.Single(lobby.Asked).JoinToken);
        await stop.CancelAsync();
        await agent;
    }

    [Fact(Timeout = 60_000)]
    public async Task Server_WhoseAuthorityWasExchangedSinceTheToken_IsToldNothingAndPeopleWhatToDo()
    {
        using var next = Under(_root, "CN=next");
        using var server = Leaf(next);
        var lobby = new TestLobby(next) { Authorities = Pem(next, _root) };
        await using var gateway = await TestGateway.StartAsync(server, lobby: lobby);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var status = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        var agent = AgentHost.RunAsync(
            new() { Root = _node.Root, Controller = gateway.Address }, TimeProvider.System, NullLoggerFactory.Instance, () => 0, stop.Token, status: text => status.TrySetResult(text));

        var text = await status.Task.WaitAsync(stop.Token);

        Assert.Contains("may have been exchanged since the token was made: then make another token", text, StringComparison.Ordinal);
        Assert.Empty(lobby.Asked);
        await stop.CancelAsync();
        await agent;
    }

    [Fact(Timeout = 60_000)]
    public async Task Agent_WithTheBundleOfAnIntermediateInAFile_Joins()
    {
        using var server = Leaf(_authority);
        var lobby = new TestLobby(_authority) { Authorities = Pem(_authority, _root) };
        await using var gateway = await TestGateway.StartAsync(server, lobby: lobby);
        _node.Write("etc/qm-fleet/pki/ca.crt", lobby.Authorities);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var agent = LinkTests.RunAsync(_node, gateway, stop.Token);

        Assert.Equal("ecu01", (await gateway.NextStreamAsync()).Hello.Node);

        Assert.Equal((1, 0), (lobby.Asked.Count, lobby.AskedForAuthorities));
        await stop.CancelAsync();
        await agent;
    }

    [Theory(Timeout = 60_000)]
    [InlineData("")]
    [InlineData("CN=controllers")]
    [InlineData("CN=fleets")]
    public async Task Server_UnderARootOfItsOwnThatVouchesForTheKeyToo_IsToldNothing(string between)
    {
        using var other = Root();
        using var forKey = Vouch(other, _authority);
        using var issuer = between.Length > 0 ? Under(other, between) : null;
        using var shown = Leaf(issuer ?? other);

        await RefusesAsync(shown, [forKey, issuer ?? other, other], [issuer ?? other], TestContext.Current.CancellationToken, NotSigned);
    }

    [Fact(Timeout = 60_000)]
    public async Task Server_OfAnotherAuthorityOfTheSameRoot_IsToldNothing()
    {
        using var other = Under(_root, "CN=printers");
        using var shown = Leaf(other);

        await RefusesAsync(shown, [_authority, other, _root], [other, _root], TestContext.Current.CancellationToken, NotSigned);
    }

    [Theory(Timeout = 60_000)]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Server_WhoseCertificateSaysThatTheKeySignedItAndItDidNot_IsToldNothing(bool isRoot)
    {
        var authority = isRoot ? _root : _authority;
        Token(authority);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var shown = Forged(authority, key);

        await RefusesAsync(shown, [_authority, _root], [], TestContext.Current.CancellationToken, NotSigned);
    }

    [Fact(Timeout = 60_000)]
    public async Task Server_OfSomebodyWhomTheKeyLetsSign_IsToldNothing()
    {
        using var below = Under(_authority, "CN=below");
        using var shown = Leaf(below);

        await RefusesAsync(shown, [below, _authority, _root], [below, _authority, _root], TestContext.Current.CancellationToken, NotSigned);
    }

    [Fact(Timeout = 60_000)]
    public async Task Server_WhoseCertificateHasEnded_IsToldNothing()
    {
        using var shown = Leaf(_authority, end: TimeProvider.System.GetUtcNow().AddHours(-1));

        await RefusesAsync(shown, [_authority, _root], [], TestContext.Current.CancellationToken, "its certificate ended");
    }

    [Fact(Timeout = 60_000)]
    public async Task Server_WhoseCertificateIsForAnotherHost_IsToldNothing()
    {
        using var shown = Leaf(_authority, "controller.example");

        await RefusesAsync(shown, [_authority, _root], [], TestContext.Current.CancellationToken, "is for controller.example, not for 127.0.0.1");
    }

    [Fact(Timeout = 60_000)]
    public async Task Server_WithTheCertificateOfANode_IsToldNothing()
    {
        using var shown = TestGateway.Issue(_authority, "CN=ecu02, OU=node", Client, TestGateway.Names(Host));

        await RefusesAsync(shown, [_authority, _root], [], TestContext.Current.CancellationToken, "does not serve");
    }

    [Fact(Timeout = 60_000)]
    public async Task Server_WithEverythingWrong_IsToldOnce()
    {
        using var other = Root();
        using var shown = Leaf(other, "controller.example", TimeProvider.System.GetUtcNow().AddHours(-1));

        await RefusesAsync(shown, [_authority, _root], [other], TestContext.Current.CancellationToken, NotSigned, "its certificate ended", "is for controller.example");
    }

    /// <summary>Has the agent meet a server: it is asked for its authorities, and told nothing else.</summary>
    /// <param name="shown">The server's certificate.</param>
    /// <param name="told">What it says that its authorities are.</param>
    /// <param name="sent">What it sends besides its certificate when a connection is made.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <param name="said">What people read.</param>
    private async Task RefusesAsync(X509Certificate2 shown, X509Certificate2[] told, X509Certificate2[] sent, CancellationToken cancellationToken, params string[] said)
    {
        using var good = Leaf(_authority);
        var lobby = new TestLobby(_authority) { Authorities = Pem(told) };
        await using var gateway = await TestGateway.StartAsync(good, lobby: lobby, shown: SslStreamCertificateContext.Create(shown, [.. sent], offline: true));
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var status = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        var agent = AgentHost.RunAsync(
            new() { Root = _node.Root, Controller = gateway.Address }, TimeProvider.System, NullLoggerFactory.Instance, () => 0, stop.Token, status: text => status.TrySetResult(text));

        var text = await status.Task.WaitAsync(cancellationToken);

        Assert.All(said, part => Assert.Contains(part, text, StringComparison.Ordinal));
        Assert.Contains("was told nothing", text, StringComparison.Ordinal);
        Assert.NotEqual(0, lobby.AskedForAuthorities);
        await stop.CancelAsync();
        await agent;
        Assert.Empty(lobby.Asked);
        Assert.True(File.Exists(_node.Of(TokenPath)));
        Assert.False(File.Exists(_node.Of(Identity)));
    }

    private void Token(params X509Certificate2[] authorities)
    {
        _node.Write(TokenPath, $"qmj1.id.secret.{string.Join('.', authorities.Select(static authority => CertificateOrder.Fingerprint(authority.PublicKey)))}\n");
        File.SetUnixFileMode(_node.Of(TokenPath), UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }

    private static string Pem(params X509Certificate2[] certificates) => string.Concat(certificates.Select(certificate => certificate.ExportCertificatePem() + "\n"));

    private static X509Certificate2 Root() => TestGateway.Certificates(Host).Authority;

    private static X509Certificate2 Leaf(X509Certificate2 authority, string host = Host, DateTimeOffset? end = null) =>
        TestGateway.Issue(authority, "CN=controller", Server, TestGateway.Names(host), end);

    private static X509Certificate2 Under(X509Certificate2 above, string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var made = Vouch(above, new CertificateRequest(name, key, HashAlgorithmName.SHA256));
        return made.CopyWithPrivateKey(key);
    }

    /// <summary>A certificate for the key and the name of an authority that is another's.</summary>
    private static X509Certificate2 Vouch(X509Certificate2 above, X509Certificate2 authority) => Vouch(above, new CertificateRequest(authority.SubjectName, authority.PublicKey, HashAlgorithmName.SHA256));

    private static X509Certificate2 Vouch(X509Certificate2 above, CertificateRequest request)
    {
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, critical: true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        return request.Create(above, above.NotBefore, above.NotAfter, RandomNumberGenerator.GetBytes(8));
    }

    /// <summary>A server's certificate that names an authority as its issuer, by name and by number, which somebody else has signed.</summary>
    private static X509Certificate2 Forged(X509Certificate2 authority, ECDsa signer)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=controller", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(Server)], critical: false));
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(authority, includeKeyIdentifier: false, includeIssuerAndSerial: true));
        request.CertificateExtensions.Add(TestGateway.Names(Host));
        using var made = request.Create(authority.SubjectName, X509SignatureGenerator.CreateForECDsa(signer), authority.NotBefore, authority.NotAfter, RandomNumberGenerator.GetBytes(8));
        return made.CopyWithPrivateKey(key);
    }
}
