using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Qm.Fleet.Agent.Files;
using Qm.Fleet.Agent.Link;

namespace Qm.Fleet.Agent.Enrollment;

/// <summary>
/// What the pki directory holds of the node's own making, mode 0600:
/// <list type="table">
/// <item><term>identity.pem</term><description>Who the node is: <see cref="IdentityText"/>. Absent before it joined, and where certificates were brought by hand.</description></item>
/// <item><term>pending.key</term><description>A key that a certificate is asked for. Kept until that came, so that whoever is asked again sees the same request.</description></item>
/// </list>
/// Both are replaced atomically and on disk when a member returns. Members throw <see cref="NodeFileException"/> when the disk fails.
/// </summary>
internal sealed class IdentityFiles(NodeRoot root, string directory)
{
    /// <summary>Who the node is.</summary>
    public const string Identity = "identity.pem";

    /// <summary>A key that a certificate is asked for.</summary>
    public const string PendingKey = "pending.key";

    private const int BytesMax = 1024 * 1024;
    private const UnixFileMode DirectoryMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const UnixFileMode FileMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>Where they lie.</summary>
    public string Directory => directory;

    /// <summary>Whether the node has an identity, joined or brought by hand; whether it serves is another question.</summary>
    public bool HasIdentity => root.Exists($"{directory}/{Identity}") || root.Exists($"{directory}/node.crt");

    /// <summary>The key to ask a certificate for: the one that was made already, or a new one.</summary>
    public ECDsa OpenPendingKey()
    {
        if (root.ReadText($"{directory}/{PendingKey}", BytesMax) is { } text && TryRead(text) is { } made)
        {
            return made;
        }

        var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        Replace(PendingKey, key.ExportPkcs8PrivateKeyPem());
        return key;
    }

    /// <summary>Puts a new identity in place of any there was, with one rename, and forgets the key that was pending.</summary>
    /// <param name="node">The name it has to be of.</param>
    /// <param name="key">Its key.</param>
    /// <param name="certificate">What was issued for it, PEM.</param>
    /// <param name="authorities">Whom to trust from now on, PEM.</param>
    /// <exception cref="NodeIdentityException">What was issued does not serve; nothing was changed.</exception>
    public void Install(string node, ECDsa key, string certificate, string authorities)
    {
        var text = new IdentityText(key.ExportPkcs8PrivateKeyPem(), certificate, authorities);
        using (var identity = NodeIdentity.Of(text, directory))
        {
            Check(identity, node);
        }

        Replace(Identity, text.Write());
        using var place = root.OpenDirectory(directory);
        if (DirectoryWriter.TryDelete(root.Calls, place, PendingKey))
        {
            root.Calls.FlushDirectory(place);
        }
    }

    private void Check(NodeIdentity identity, string node)
    {
        if (identity.Node != node)
        {
            throw new NodeIdentityException($"{directory}: the controller issued a certificate of \"{identity.Node}\" for {node}; it was not taken.");
        }

        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(identity.Authorities);
        chain.ChainPolicy.ExtraStore.AddRange(identity.Intermediates);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        // The node's clock may be wrong until there is a network to set it by; the controller judges by its own.
        chain.ChainPolicy.VerificationTime = identity.Certificate.NotBefore;
        if (!chain.Build(identity.Certificate))
        {
            throw new NodeIdentityException($"{directory}: the controller issued a certificate that leads to none of the authorities it sent; it was not taken.");
        }
    }

    private void Replace(string name, string text)
    {
        using var place = DirectoryWriter.Ensure(root, directory, DirectoryMode);
        var beside = $"{name}.new";
        DirectoryWriter.WriteBeside(root.Calls, place, beside, Encoding.UTF8.GetBytes(text), FileMode);
        root.Calls.Rename(place, beside, name);
        root.Calls.FlushDirectory(place);
    }

    // One that does not read was damaged since, and nothing was issued for it that anybody could use.
    private static ECDsa? TryRead(string text)
    {
        var key = ECDsa.Create();
        try
        {
            key.ImportFromPem(text);
            return key;
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            key.Dispose();
            return null;
        }
    }
}
