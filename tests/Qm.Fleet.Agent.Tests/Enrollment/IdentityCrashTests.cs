using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Qm.Fleet.Agent.Enrollment;
using Qm.Fleet.Agent.Files;
using Qm.Fleet.Agent.Link;

namespace Qm.Fleet.Agent.Tests.Enrollment;

/// <summary>Kills and failures at every system call of a node's identity: it is the old one or the new one, and never neither.</summary>
public sealed class IdentityCrashTests
{
    private const string Pki = "/etc/qm-fleet/pki";
    private static readonly (X509Certificate2 Authority, X509Certificate2 Server) Made = TestGateway.Certificates("127.0.0.1");
    private static readonly TestLobby Lobby = new(Made.Authority);

    public static TheoryData<int, int> Faults
    {
        get
        {
            var data = new TheoryData<int, int>();
            foreach (var fault in new[] { Fault.KillBefore, Fault.KillHalfway, Fault.KillAfter })
            {
                data.Add((int)fault, 0);
            }

            data.Add((int)Fault.FailOnce, Errno.NoSpace);
            data.Add((int)Fault.FailFromThenOn, Errno.NoSpace);
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Faults))]
    [Trait("Requirement", "QMF-ENROLL-008")]
    public void Join_StoppedAtAnySystemCall_HasTheKeyThatWasAskedForOrTheIdentityOfIt(int fault, int errno)
    {
        var stopped = true;
        for (var at = 1; stopped; at++)
        {
            using var node = new EmulatedNode();
            var calls = new FaultySystemCalls((Fault)fault, at, errno);
            string? asked = null;
            stopped = Stops(node, calls, files =>
            {
                using var key = files.OpenPendingKey();
                asked = CertificateOrder.Fingerprint(key);
                Install(files, "ecu01", key);
            });
            var context = $"{(Fault)fault} {at}: {calls.Made.LastOrDefault()}";

            using var root = NodeRoot.Open(node.Root);
            var after = new IdentityFiles(root, Pki);
            if (after.HasIdentity)
            {
                using var identity = NodeIdentity.Load(root, Pki);
                Assert.True(identity.Node == "ecu01" && CertificateOrder.Fingerprint(identity.Certificate.PublicKey) == asked, context);
            }
            else
            {
                // Whoever was asked already is asked for the same key.
                using var key = after.OpenPendingKey();
                Assert.True(asked is null || CertificateOrder.Fingerprint(key) == asked, context);
                Install(after, "ecu01", key);
            }

            AssertPrivate(node);
            Assert.True(stopped || at > 9, $"only {at} system calls were enumerated");
        }
    }

    [Theory]
    [MemberData(nameof(Faults))]
    [Trait("Requirement", "QMF-ENROLL-008")]
    public void Renewal_StoppedAtAnySystemCall_HasTheOldIdentityOrTheNewOne(int fault, int errno)
    {
        var stopped = true;
        for (var at = 1; stopped; at++)
        {
            using var node = new EmulatedNode();
            TestGateway.Enrol(node, "ecu01", Made.Authority);
            var old = Serial(node);
            var calls = new FaultySystemCalls((Fault)fault, at, errno);
            string? issued = null;
            stopped = Stops(node, calls, files =>
            {
                using var key = files.OpenPendingKey();
                issued = Install(files, "ecu01", key);
            });

            var now = Serial(node);
            Assert.True(now == old || now == issued || issued is null, $"{(Fault)fault} {at}: {calls.Made.LastOrDefault()}");
            Assert.True(stopped || now != old, "the renewal that nothing stopped changed nothing");
            AssertPrivate(node);
        }
    }

    [Fact]
    [Trait("Requirement", "QMF-ENROLL-008")]
    public void Install_CertificateOfAnotherKeyNameOrAuthority_ChangesNothing()
    {
        using var node = new EmulatedNode();
        TestGateway.Enrol(node, "ecu01", Made.Authority);
        using var root = NodeRoot.Open(node.Root);
        var (files, old) = (new IdentityFiles(root, Pki), Serial(node));
        using var key = files.OpenPendingKey();
        using var other = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var issued = Lobby.Issue("ecu01", CertificateOrder.Make("ecu01", key).ToByteArray());
        var foreign = TestGateway.Certificates("127.0.0.1").Authority.ExportCertificatePem();

        Assert.Throws<NodeIdentityException>(() => files.Install("ecu01", other, issued.Certificate, issued.Authorities));
        Assert.Throws<NodeIdentityException>(() => files.Install("ecu02", key, issued.Certificate, issued.Authorities));
        Assert.Throws<NodeIdentityException>(() => files.Install("ecu01", key, issued.Certificate, foreign));
        Assert.Throws<NodeIdentityException>(() => files.Install("ecu01", key, "", issued.Authorities));
        Assert.Equal(old, Serial(node));
    }

    private static string Install(IdentityFiles files, string name, ECDsa key)
    {
        var issued = Lobby.Issue(name, CertificateOrder.Make(name, key).ToByteArray());
        using var certificate = X509Certificate2.CreateFromPem(issued.Certificate);
        files.Install(name, key, issued.Certificate, issued.Authorities);
        return certificate.SerialNumber;
    }

    private static bool Stops(EmulatedNode node, FaultySystemCalls calls, Action<IdentityFiles> act)
    {
        using var root = NodeRoot.Open(node.Root, calls);
        try
        {
            act(new(root, Pki));
            return false;
        }
        catch (Exception e) when (e is CrashException or NodeFileException)
        {
            return true;
        }
    }

    private static string Serial(EmulatedNode node)
    {
        using var root = NodeRoot.Open(node.Root);
        using var identity = NodeIdentity.Load(root, Pki);
        return identity.Certificate.SerialNumber;
    }

    private static void AssertPrivate(EmulatedNode node) => Assert.All(
        Directory.GetFiles(node.Of(Pki)).Where(path => Path.GetFileName(path) is not ("ca.crt" or "node.crt" or "node.key")),
        path => Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path)));
}
