using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Qm.Fleet.Cli.Tests.Server;

/// <summary>An authority with a server's certificate, and a directory with an administrator's as --pki wants it.</summary>
internal sealed class TestPki : IDisposable
{
    private static readonly DateTimeOffset From = DateTimeOffset.UnixEpoch;
    private static readonly DateTimeOffset To = new(2200, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public TestPki()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=qmfleet test authority", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        Authority = request.CreateSelfSigned(From, To);
        Server = Issue("CN=server", 1, out _);
        using var admin = Issue("CN=admin", 2, out var adminKey);
        Directory = System.IO.Directory.CreateTempSubdirectory("qmcli-pki-").FullName;
        File.WriteAllText(Path.Combine(Directory, "ca.crt"), Authority.ExportCertificatePem());
        File.WriteAllText(Path.Combine(Directory, "admin.crt"), admin.ExportCertificatePem());
        File.WriteAllText(Path.Combine(Directory, "admin.key"), adminKey);
    }

    public X509Certificate2 Authority { get; }

    public X509Certificate2 Server { get; }

    public string Directory { get; }

    public void Dispose()
    {
        Authority.Dispose();
        Server.Dispose();
        System.IO.Directory.Delete(Directory, recursive: true);
    }

    private X509Certificate2 Issue(string subject, byte serial, out string keyPem)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(subject, key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        keyPem = key.ExportPkcs8PrivateKeyPem();
        using var bare = request.Create(Authority, From, To, [serial]);
        return bare.CopyWithPrivateKey(key);
    }
}
