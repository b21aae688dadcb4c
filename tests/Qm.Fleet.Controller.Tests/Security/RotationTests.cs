using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Time.Testing;
using Qm.Fleet.Controller.Security;

namespace Qm.Fleet.Controller.Tests.Security;

[Trait("Requirement", "QMF-PKI-003")]
public sealed class RotationTests
{
    private static readonly string[] Names = ["localhost"];

    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));

    [Fact]
    public void Begin_CertificatesOfBoth_AreTaken()
    {
        using var folder = new TemporaryFolder();
        using var pki = Open(folder);
        var (before, digest) = (pki.Authority, pki.AuthoritiesDigest);
        pki.IssueNode("ecu1", folder["old"]);

        pki.BeginRotation(null, "admin:ann", "");
        pki.IssueNode("ecu1", folder["new"]);

        Assert.NotEqual(before.RawData, pki.Authority.RawData);
        Assert.Equal(CallerIdentity.Node("ecu1"), Identify(pki, folder["old/node.crt"]));
        Assert.Equal(CallerIdentity.Node("ecu1"), Identify(pki, folder["new/node.crt"]));
        Assert.NotEqual(digest, pki.AuthoritiesDigest);
        Assert.Equal(pki.AuthoritiesDigest, DigestOf(folder["new/ca.crt"]));
        Assert.Equal(pki.AuthoritiesPem, File.ReadAllText(folder["pki/admin/ca.crt"]));
        Assert.True(IsTrusted(pki.Presented, folder["old/ca.crt"]), "who knows the old one alone no longer finds the server");
        Assert.True(IsTrusted(pki.Presented, folder["new/ca.crt"]));
    }

    [Fact]
    public void Finish_CertificatesOfTheOldOne_AreTakenNoLonger()
    {
        using var folder = new TemporaryFolder();
        using var pki = Open(folder);
        pki.IssueNode("ecu1", folder["old"]);
        pki.BeginRotation(null, "admin:ann", "");
        pki.IssueNode("ecu1", folder["new"]);

        pki.FinishRotation("admin:ann", "");

        Assert.Null(Identify(pki, folder["old/node.crt"]));
        Assert.Equal(CallerIdentity.Node("ecu1"), Identify(pki, folder["new/node.crt"]));
        Assert.False(IsTrusted(pki.Presented, folder["old/ca.crt"]));
        Assert.True(IsTrusted(pki.Presented, folder["new/ca.crt"]));
        Assert.Equal(CallerIdentity.Admin(CallerIdentity.LocalAdmin), Identify(pki, folder["pki/admin/admin.crt"]));
        Assert.False(Directory.Exists(folder["pki/ca"]), "the key of the old one is still there");
    }

    [Fact, Trait("Requirement", "QMF-PKI-004")]
    public void Begin_WithAnIntermediateThatWasBrought_ClientsFindTheServerByTheRoot()
    {
        using var folder = new TemporaryFolder();
        using var pki = Open(folder);
        pki.BeginRotation(AuthorityImportTests.Intermediate(_time.GetUtcNow()), "local:root", "");
        pki.IssueNode("ecu1", folder["new"]);

        pki.FinishRotation("local:root", "");

        Assert.Equal(2, pki.Authorities.Issuing.Chain.Count);
        Assert.Equal(CallerIdentity.Node("ecu1"), Identify(pki, folder["new/node.crt"]));
        Assert.True(IsTrusted(pki.Presented, folder["new/ca.crt"]), "a client with the whole ca.crt does not find the server");
        using var again = Open(folder);
        Assert.Equal(pki.AuthoritiesDigest, again.AuthoritiesDigest);
        Assert.Equal(pki.Presented.Thumbprint, again.Presented.Thumbprint);
    }

    [Fact]
    public void Begin_Twice_IsRefused()
    {
        using var folder = new TemporaryFolder();
        using var pki = Open(folder);
        Assert.Contains("none to retire", Assert.Throws<RotationException>(() => pki.FinishRotation("admin:ann", "")).Message, StringComparison.Ordinal);
        var authorities = pki.BeginRotation(null, "admin:ann", "");

        Assert.Contains("--finish", Assert.Throws<RotationException>(() => pki.BeginRotation(null, "admin:ann", "")).Message, StringComparison.Ordinal);

        Assert.Same(authorities, pki.Authorities);
        pki.FinishRotation("admin:ann", "");
        Assert.Equal(3, pki.BeginRotation(null, "admin:ann", "").Step.Number);
    }

    [Fact]
    public void Open_InTheMiddle_GoesOnWhereItWas()
    {
        using var folder = new TemporaryFolder();
        string digest;
        using (var first = Open(folder))
        {
            digest = first.BeginRotation(null, "admin:ann", "its key was on a stolen disk").Digest;
        }

        using var pki = Open(folder);

        Assert.Equal(digest, pki.AuthoritiesDigest);
        Assert.NotNull(pki.Authorities.Retiring);
        Assert.Equal((1, "admin:ann"), (pki.Authorities.Step.Number, pki.Authorities.Step.Actor));
        Assert.Contains("because its key was on a stolen disk", pki.Authorities.Step.Message, StringComparison.Ordinal);
        pki.FinishRotation("admin:ann", "");
        Assert.Single(pki.Authorities.All);
    }

    [Fact]
    public void Open_FileThatNamesThemIsDamaged_RefusesRatherThanGuess()
    {
        using var folder = new TemporaryFolder();
        using (var pki = Open(folder))
        {
            pki.BeginRotation(null, "admin:ann", "");
        }
        File.WriteAllText(folder["pki/authorities"], "{");

        Assert.Contains("Restore it from a backup", Assert.Throws<PkiException>(() => Pki.Open(folder.Path, _time)).Message, StringComparison.Ordinal);
        File.Delete(folder["pki/authorities"]);
        Directory.Delete(folder["pki/ca"], recursive: true);
        Assert.Throws<PkiException>(() => Pki.Open(folder.Path, _time));
    }

    [Fact, Trait("Requirement", "QMF-RULE-1")]
    public void Begin_KilledAtAnyChangeOfTheDisk_HasBegunOrHasNot() => KillEverywhere(static _ => { }, static pki => pki.BeginRotation(null, "admin:ann", ""), least: 9);

    [Fact, Trait("Requirement", "QMF-RULE-1")]
    public void Finish_KilledAtAnyChangeOfTheDisk_HasFinishedOrHasNot() =>
        KillEverywhere(static pki => pki.BeginRotation(null, "admin:ann", ""), static pki => pki.FinishRotation("admin:ann", ""), least: 12);

    [Fact, Trait("Requirement", "QMF-RULE-1")]
    public void Renew_KilledAtAnyChangeOfTheDisk_HasTheOneBeforeOrTheNext() => KillEverywhere(static _ => { }, static pki =>
    {
        pki.RotateServer();
        pki.RotateAdmin();
    }, least: 10);

    /// <summary>Kills before each change of the disk; a start after that finds one of the two states, whole, and can do what was asked.</summary>
    private void KillEverywhere(Action<Pki> prepare, Action<Pki> act, int least)
    {
        var steps = new HashSet<int>();
        var died = true;
        for (var at = 1; died; at++)
        {
            using var folder = new TemporaryFolder();
            using (var pki = Open(folder))
            {
                prepare(pki);
                pki.IssueNode("ecu1", folder["ecu1"]);
            }
            var (made, last, acts) = (0, "", false);
            using (var pki = Open(folder, change =>
            {
                last = change;
                if (acts && ++made == at)
                {
                    throw new KilledException();
                }
            }))
            {
                acts = true;
                died = Dies(() => act(pki));
            }

            using var after = Open(folder);
            steps.Add(after.Authorities.Step.Number);
            var context = $"killed before change {at}: {last}";
            Assert.True(CallerIdentity.Node("ecu1") == Identify(after, folder["ecu1/node.crt"]), context);
            Assert.True(CallerIdentity.Admin(CallerIdentity.LocalAdmin) == Identify(after, folder["pki/admin/admin.crt"]), context);
            Assert.True(IsTrusted(after.Presented, folder["ecu1/ca.crt"]), context);
            Assert.True(after.AuthoritiesPem == File.ReadAllText(folder["pki/admin/ca.crt"]), context);
            Assert.Empty(Directory.GetDirectories(folder["pki"], ".*"));
            if (died && after.Authorities.Step.Number == steps.Min())
            {
                act(after);
            }
            Assert.True(died || at > least, $"only {at} changes were enumerated");
        }
        Assert.InRange(steps.Count, 1, 2);
    }

    private Pki Open(TemporaryFolder folder, Action<string>? before = null)
    {
        var pki = Pki.Open(folder.Path, _time, null, before);
        pki.Sweep();
        pki.EnsureAdmin();
        pki.Server(Names);
        return pki;
    }

    /// <summary>As an agent extension makes it of what it has.</summary>
    private static string DigestOf(string file)
    {
        X509Certificate2Collection authorities = [];
        authorities.ImportFromPemFile(file);
        return Convert.ToHexStringLower(SHA256.HashData([.. authorities.SelectMany(static authority => authority.RawData)]));
    }

    private static bool Dies(Action act)
    {
        try
        {
            act();
            return false;
        }
        catch (KilledException)
        {
            return true;
        }
    }

    private CallerIdentity? Identify(Pki pki, string file)
    {
        using var certificate = X509CertificateLoader.LoadCertificateFromFile(file);
        return new PeerCertificates(pki, _time).Identify(certificate);
    }

    /// <summary>Whether a client that trusts a file of authorities takes the server for the one it wants.</summary>
    private bool IsTrusted(X509Certificate2 server, string authorities)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.ImportFromPemFile(authorities);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.VerificationTime = _time.GetUtcNow().UtcDateTime;
        return chain.Build(server);
    }

    private sealed class KilledException : Exception;
}
