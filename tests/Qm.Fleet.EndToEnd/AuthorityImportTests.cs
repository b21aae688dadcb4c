using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Qm.Fleet.Lab.Processes;
using Qm.Fleet.V1;
using Xunit;

namespace Qm.Fleet.EndToEnd;

/// <summary>The certificate authority is exchanged for one that a company's root has signed, under real agent extensions.</summary>
[Trait("Requirement", "QMF-ENROLL-012")]
[Trait("Requirement", "QMF-PKI-004")]
public sealed class AuthorityImportTests
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(150);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    [Fact]
    public async Task Import_AuthorityOfACompany_IsTakenUpByWhoIsThereAndKnownByTokenToWhoComes()
    {
        await using var lab = await FleetLab.StartAsync(2);
        var pki = new PkiService.PkiServiceClient(lab.Lab.Channel);
        var (chain, key, root) = Company(lab.Lab.Directory.Root);

        await lab.RunAsync("pki", "import", "--chain", chain, "--key", key);
        await UntilAsync(async () => (await pki.GetPkiAsync(new(), cancellationToken: FleetLab.Ct)).UsersOfOldCount == 0, "every node has a certificate of the new authority");
        Assert.Contains("has retired", await lab.RunAsync("pki", "rotate", "ca", "--finish"), StringComparison.Ordinal);
        // The controller begins anew with what it shows now, and whoever was there comes back.
        await lab.Lab.Controller.KillAsync();
        await lab.Lab.StartControllerAsync(FleetLab.Ct);
        await lab.NodeAsync("ecu1", NodeWatch.HasExtension, "ecu1 is connected");
        await lab.NodeAsync("ecu2", NodeWatch.HasExtension, "ecu2 is connected");

        // One that has lost everything knows the controller by its token alone.
        var node = lab.Lab.Nodes.Single(static node => node.Name == "ecu2");
        var before = await lab.RunAsync("get", "enrollment", "ecu2", "-o", "jsonpath={.fingerprint}");
        await lab.RunAsync("node", "retire", "ecu2", "--reason", "its disk is broken");
        await lab.RunAsync("node", "reenroll", "ecu2", "--reason", "it has another disk");
        Directory.Delete(Path.Combine(node.Root, "etc/qm-fleet/pki"), recursive: true);
        await LabEnrollment.WriteTokenAsync(node, (await lab.RunAsync("join-token", "create", "again", "--node", "ecu2")).Split('\n')[0], FleetLab.Ct);
        await lab.NodeAsync("ecu2", NodeWatch.HasExtension, "ecu2 is connected");

        Assert.NotEqual(before, await lab.RunAsync("get", "enrollment", "ecu2", "-o", "jsonpath={.fingerprint}"));
        Assert.Equal(["identity.pem"], Directory.GetFiles(Path.Combine(node.Root, "etc/qm-fleet/pki")).Select(Path.GetFileName));
        Assert.Contains(root, await File.ReadAllTextAsync(Path.Combine(node.Root, "etc/qm-fleet/pki/identity.pem"), FleetLab.Ct), StringComparison.Ordinal);
    }

    /// <summary>Files of an authority under a root; and the root.</summary>
    private static (string Chain, string Key, string Root) Company(string folder)
    {
        using var rootKey = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var now = TimeProvider.System.GetUtcNow();
        using var root = Authority("CN=company root", rootKey).CreateSelfSigned(now.AddDays(-1), now.AddYears(10));
        using var mine = Authority("CN=fleets", key).Create(root, now.AddHours(-2), now.AddYears(5), RandomNumberGenerator.GetBytes(8));
        var (chain, secret) = (Path.Combine(folder, "fleet-ca.crt"), Path.Combine(folder, "fleet-ca.key"));
        File.WriteAllText(chain, $"{mine.ExportCertificatePem()}\n{root.ExportCertificatePem()}\n");
        File.WriteAllText(secret, key.ExportPkcs8PrivateKeyPem());
        return (chain, secret, root.ExportCertificatePem());
    }

    private static CertificateRequest Authority(string name, ECDsa key)
    {
        var request = new CertificateRequest(name, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, critical: true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        return request;
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
}
