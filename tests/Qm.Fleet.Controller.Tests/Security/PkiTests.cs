using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Time.Testing;
using Qm.Fleet.Controller.Security;

namespace Qm.Fleet.Controller.Tests.Security;

public sealed class PkiTests
{
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));

    [Fact]
    public void Open_SecondTime_FindsTheSameKeys()
    {
        using var folder = new TemporaryFolder();
        using var first = Pki.Open(folder.Path, _time);
        first.EnsureAdmin();
        var admin = File.ReadAllText(folder["pki/admin/admin.crt"]);

        using var second = Pki.Open(folder.Path, _time);
        second.EnsureAdmin();

        Assert.Equal(first.Authority, second.Authority);
        Assert.Equal(admin, File.ReadAllText(folder["pki/admin/admin.crt"]));
    }

    [Fact]
    public void Open_ProcessDiedWhileWriting_StartsAfresh()
    {
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder["pki/.ca.new"]);
        File.WriteAllText(folder["pki/.ca.new/ca.key"], "half a k");

        using var pki = Pki.Open(folder.Path, _time);

        Assert.Equal(["ca.crt", "ca.key"], Directory.GetFiles(folder["pki/ca"]).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.False(Directory.Exists(folder["pki/.ca.new"]));
    }

    [Fact]
    public void Open_AuthorityDamaged_RefusesRatherThanMakeAnother()
    {
        using var folder = new TemporaryFolder();
        Pki.Open(folder.Path, _time).Dispose();
        File.WriteAllText(folder["pki/ca/ca.key"], "");

        var error = Assert.Throws<PkiException>(() => Pki.Open(folder.Path, _time));

        Assert.Contains("Restore it from a backup", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Files_WithKeys_AreForTheirOwnerOnly()
    {
        using var folder = new TemporaryFolder();
        using var pki = Pki.Open(folder.Path, _time);
        pki.EnsureAdmin();

        Assert.All(
            Directory.GetFiles(folder["pki"], "*", SearchOption.AllDirectories),
            static file => Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file)));
        Assert.All(
            Directory.GetDirectories(folder["pki"], "*", SearchOption.AllDirectories).Append(folder["pki"]),
            static path => Assert.Equal(
                UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(path)));
    }

    [Fact, Trait("Requirement", "QMF-PKI-002")]
    public void Server_AtTwoThirdsOfItsLifeOrLacksAName_IsRenewed()
    {
        using var folder = new TemporaryFolder();
        string first;
        using (var pki = Pki.Open(folder.Path, _time))
        {
            first = pki.Server(["localhost", "127.0.0.1"]).Thumbprint;
            Assert.Equal(first, pki.Server(["localhost", "127.0.0.1"]).Thumbprint);
            Assert.True(pki.Server(["localhost"]).MatchesHostname("127.0.0.1"));
        }
        using var other = Pki.Open(folder.Path, _time);
        var named = other.Server(["localhost", "10.0.0.7"]);
        Assert.NotEqual(first, named.Thumbprint);
        Assert.True(named.MatchesHostname("10.0.0.7"));

        _time.Advance(CertificateLives.Default.Leaf / 3 * 2 - TimeSpan.FromHours(1));
        Assert.False(other.RenewServer());
        _time.Advance(TimeSpan.FromHours(2));
        Assert.True(other.RenewServer());

        Assert.NotEqual(named.Thumbprint, other.Presented.Thumbprint);
        Assert.True(other.Presented.MatchesHostname("10.0.0.7"));
    }

    [Fact, Trait("Requirement", "QMF-PKI-002")]
    public void Admin_AtTwoThirdsOfItsLifeOrRevoked_IsRenewed()
    {
        using var folder = new TemporaryFolder();
        using var pki = Pki.Open(folder.Path, _time, new(TimeSpan.FromDays(30), TimeSpan.FromMinutes(30)));
        Assert.True(pki.EnsureAdmin());
        Assert.False(pki.EnsureAdmin());

        _time.Advance(TimeSpan.FromMinutes(20));
        Assert.True(pki.EnsureAdmin());
        pki.Revoked = new([new("", "admin:local-admin", _time.GetUtcNow(), "lost", "local:root", _time.GetUtcNow())]);
        Assert.True(pki.EnsureAdmin());
        _time.Advance(TimeSpan.FromSeconds(1));

        Assert.False(pki.EnsureAdmin());
        using var admin = pki.Admin();
        Assert.NotNull(pki.Peers().Identify(admin));
    }

    [Fact, Trait("Requirement", "QMF-RULE-12")]
    public void Identify_Certificates_ByTheirUnitAndOnlyOfOurCa()
    {
        using var folder = new TemporaryFolder();
        using var pki = Pki.Open(folder["ours"], _time);
        using var foreign = Pki.Open(folder["theirs"], _time);
        pki.EnsureAdmin();
        pki.IssueNode("ecu1", folder["ecu1"]);
        foreign.IssueNode("ecu1", folder["foreign"]);
        var peers = pki.Peers();

        Assert.Equal(CallerIdentity.Admin(CallerIdentity.LocalAdmin), peers.Identify(Load(folder["ours/pki/admin/admin.crt"])));
        Assert.Equal(CallerIdentity.Node("ecu1"), peers.Identify(Load(folder["ecu1/node.crt"])));
        Assert.Null(peers.Identify(Load(folder["foreign/node.crt"])));
        Assert.Null(peers.Identify(pki.Authority));
        Assert.Null(peers.Identify(null));
        _time.Advance(CertificateLives.Default.Leaf + TimeSpan.FromDays(1));
        Assert.Null(peers.Identify(Load(folder["ecu1/node.crt"])));
    }

    [Fact]
    public void IssueNode_Twice_HasRandomSerialsAndTheFilesAgentsRead()
    {
        using var folder = new TemporaryFolder();
        using var pki = Pki.Open(folder.Path, _time);
        pki.IssueNode("ecu1", folder["a"]);
        pki.IssueNode("ecu1", folder["b"]);

        var (first, second) = (Load(folder["a/node.crt"]), Load(folder["b/node.crt"]));
        Assert.NotEqual(first.SerialNumber, second.SerialNumber);
        Assert.Equal(32, first.SerialNumber.Length);
        Assert.Equal("OU=node, CN=ecu1", first.Subject);
        Assert.Equal(["ca.crt", "node.crt", "node.key"], Directory.GetFiles(folder["a"]).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void IssueNode_ClockSetBack_StaysWithinTheAuthority()
    {
        using var folder = new TemporaryFolder();
        using var pki = Pki.Open(folder.Path, _time);
        using var earlier = Pki.Open(folder.Path, new FakeTimeProvider(_time.GetUtcNow() - TimeSpan.FromDays(2)));

        earlier.IssueNode("ecu1", folder["ecu1"]);

        Assert.Equal(CallerIdentity.Node("ecu1"), pki.Peers().Identify(Load(folder["ecu1/node.crt"])));
    }

    [Theory]
    [InlineData("..", 2)]
    [InlineData("a/b", 2)]
    [InlineData("qm.ecu1", 2)]
    [InlineData("ecu1", 1)]
    public void NodeCertificate_BadNameOrNoAuthority_WritesNothing(string name, int exitCode)
    {
        using var folder = new TemporaryFolder();
        using var errors = new StringWriter();

        Assert.Equal(exitCode, NodeCertificates.Write(["ecu9", name], folder["state"], folder["out"], create: false, _time, errors));

        Assert.NotEmpty(errors.ToString());
        Assert.Empty(Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public void NodeCertificate_WithCreate_MakesTheAuthorityTheControllerThenUses()
    {
        using var folder = new TemporaryFolder();
        Assert.Equal(0, NodeCertificates.Write(["ecu1", "ecu2"], folder["state"], folder["out"], create: true, _time, TextWriter.Null));

        using var pki = Pki.Open(folder["state"], _time);

        Assert.Equal(CallerIdentity.Node("ecu2"), pki.Peers().Identify(Load(folder["out/ecu2/node.crt"])));
    }

    private static X509Certificate2 Load(string file) => X509CertificateLoader.LoadCertificateFromFile(file);
}
