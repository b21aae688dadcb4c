using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Qm.Fleet.Controller.Security;

namespace Qm.Fleet.Controller.Tests.Security;

[Trait("Requirement", "QMF-PKI-004")]
public sealed class AuthorityImportTests
{
    private static readonly DateTimeOffset Now = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Read_RootOfOnesOwn_IsTaken()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        using var root = Root(key);

        var parsed = AuthorityImport.Read(root.ExportCertificatePem(), key.ExportPkcs8PrivateKeyPem(), Now);

        Assert.Empty(parsed.Problems);
    }

    [Fact]
    public void Read_IntermediateOfACompany_VouchesForServerAndClientsAndForNobodyElse()
    {
        using var rootKey = RSA.Create(3072);
        using var root = Root(rootKey);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var mine = Under(root, rootKey, key, "CN=fleets");
        using var otherKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var other = Under(root, rootKey, otherKey, "CN=printers");

        var parsed = AuthorityImport.Read(mine.ExportCertificatePem() + "\n" + root.ExportCertificatePem(), key.ExportECPrivateKeyPem(), Now);

        Assert.Empty(parsed.Problems);
        using var authority = CertificateAuthority.Of(parsed.Value!, CertificateLives.Default);
        using var foreign = CertificateAuthority.Of(new(other.ExportCertificatePem() + "\n" + root.ExportCertificatePem(), new(otherKey.ExportPkcs8PrivateKeyPem())), CertificateLives.Default);
        using var node = X509Certificate2.CreateFromPem(authority.Issue(new("ecu1", PeerCertificates.NodeUnit), Now).Certificate);
        using var impostor = X509Certificate2.CreateFromPem(foreign.Issue(new("ecu1", PeerCertificates.NodeUnit), Now).Certificate);
        Assert.True(PeerCertificates.IsOf(authority, node, Now));
        Assert.False(PeerCertificates.IsOf(authority, impostor, Now), "whoever has a certificate of the company is a node here");
    }

    [Fact]
    public void Read_EverythingWrong_IsToldAtOnce()
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest("CN=old", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        using var leaf = request.CreateSelfSigned(Now - TimeSpan.FromDays(20), Now - TimeSpan.FromDays(10));
        using var other = ECDsa.Create(ECCurve.NamedCurves.nistP256);

        var problems = AuthorityImport.Read(leaf.ExportCertificatePem(), other.ExportPkcs8PrivateKeyPem(), Now).Problems.Select(static problem => problem.ToString()).ToList();

        Assert.Contains(problems, static problem => problem.Contains("basicConstraints", StringComparison.Ordinal));
        Assert.Contains(problems, static problem => problem.Contains("keyCertSign", StringComparison.Ordinal));
        Assert.Contains(problems, static problem => problem.Contains("subjectKeyIdentifier", StringComparison.Ordinal));
        Assert.Contains(problems, static problem => problem.Contains("RSA of 3072", StringComparison.Ordinal));
        Assert.Contains(problems, static problem => problem.Contains("has ended", StringComparison.Ordinal));
        Assert.Contains(problems, static problem => problem.Contains("not the key of the first certificate", StringComparison.Ordinal));
    }

    [Fact]
    public void Read_RootMissingOrOneTooMany_IsRefused()
    {
        using var rootKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var root = Root(rootKey);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var mine = Under(root, rootKey, key, "CN=fleets");
        using var strangerKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var stranger = Root(strangerKey);

        var alone = AuthorityImport.Read(mine.ExportCertificatePem(), key.ExportPkcs8PrivateKeyPem(), Now);
        var more = AuthorityImport.Read(string.Join('\n', new[] { mine, root, stranger }.Select(static certificate => certificate.ExportCertificatePem())), key.ExportPkcs8PrivateKeyPem(), Now);

        Assert.Contains("to a root", Assert.Single(alone.Problems).Message, StringComparison.Ordinal);
        Assert.Contains("beside the way", Assert.Single(more.Problems).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_MaySignNoServers_IsRefused()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = Request("CN=clients only", key);
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.2")], critical: true));
        using var root = request.CreateSelfSigned(Now - TimeSpan.FromDays(1), Now + TimeSpan.FromDays(3650));

        Assert.Contains("for a server", Assert.Single(AuthorityImport.Read(root.ExportCertificatePem(), key.ExportPkcs8PrivateKeyPem(), Now).Problems).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "", "1 to 65536", "1 to 16384")]
    [InlineData("hello", "hello", "0 certificates", "does not read")]
    [InlineData("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----", "does not read", "passphrase")]
    public void Read_NoPem_SaysWhatIsExpected(string chain, string key, string ofChain, string ofKey)
    {
        var problems = AuthorityImport.Read(chain, key, Now).Problems;

        Assert.Collection(
            problems,
            problem => Assert.Contains(ofChain, problem.Message, StringComparison.Ordinal),
            problem => Assert.Contains(ofKey, problem.Message, StringComparison.Ordinal));
    }

    /// <summary>An authority that another has signed, with the way to the root.</summary>
    internal static PemIdentity Intermediate(DateTimeOffset now)
    {
        using var rootKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var root = Root(rootKey);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var mine = Under(root, rootKey, key, "CN=fleets");
        return AuthorityImport.Read(mine.ExportCertificatePem() + "\n" + root.ExportCertificatePem(), key.ExportPkcs8PrivateKeyPem(), now).Value!;
    }

    private static X509Certificate2 Root(AsymmetricAlgorithm key) => Request("CN=company root", key).CreateSelfSigned(Now - TimeSpan.FromDays(1), Now + TimeSpan.FromDays(3650));

    private static X509Certificate2 Under(X509Certificate2 root, AsymmetricAlgorithm rootKey, ECDsa key, string name)
    {
        var request = Request(name, key);
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(root, true, false));
        var generator = rootKey is RSA rsa ? X509SignatureGenerator.CreateForRSA(rsa, RSASignaturePadding.Pkcs1) : X509SignatureGenerator.CreateForECDsa((ECDsa)rootKey);
        return request.Create(root.SubjectName, generator, Now - TimeSpan.FromHours(1), Now + TimeSpan.FromDays(1000), RandomNumberGenerator.GetBytes(8));
    }

    private static CertificateRequest Request(string name, AsymmetricAlgorithm key)
    {
        var request = key is RSA rsa ? new CertificateRequest(name, rsa, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1) : new CertificateRequest(name, (ECDsa)key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, critical: true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        return request;
    }
}
