using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Qm.Fleet.Controller.Security;

/// <summary>The state folder's keys: the CA, the server's certificate and the local administrator's.</summary>
/// <remarks>
/// <c>pki/ca/</c> is made once and never again. <c>pki/server/</c> and <c>pki/admin/</c> (ca.crt, admin.crt, admin.key: what <c>qmfleet</c>
/// connects with) are made anew when they are missing, do not read, end within <see cref="RenewBefore"/>, or lack a name. Folders are 0700,
/// files 0600.
/// </remarks>
internal sealed partial class Pki : IDisposable
{
    /// <summary>Certificates of the controller itself are renewed this long before they end.</summary>
    public static readonly TimeSpan RenewBefore = TimeSpan.FromDays(30);

    private readonly string _root;
    private readonly TimeProvider _time;
    private readonly CertificateAuthority _authority;
    private readonly Lock _gate = new();
    private X509Certificate2? _server;

    private Pki(string root, X509Certificate2 authority, TimeProvider time)
    {
        (_root, _time) = (root, time);
        _authority = new CertificateAuthority(authority);
        Authority = X509CertificateLoader.LoadCertificate(authority.RawData);
    }

    /// <summary>The CA's certificate, without its key.</summary>
    public X509Certificate2 Authority { get; }

    /// <summary>Whether the state folder has a CA.</summary>
    public static bool Exists(string state) => Directory.Exists(Path.Combine(state, "pki", "ca"));

    /// <summary>Opens the state folder's CA, making one first where there is none.</summary>
    /// <exception cref="PkiException">The CA is there and does not read.</exception>
    public static Pki Open(string state, TimeProvider time)
    {
        var root = Path.Combine(state, "pki");
        DurableFolder.Create(root);
        var folder = Path.Combine(root, "ca");
        if (!Directory.Exists(folder))
        {
            var made = CertificateAuthority.Create(time.GetUtcNow());
            DurableFolder.Write(folder, ("ca.crt", made.Certificate), ("ca.key", made.Key));
        }
        try
        {
            return new Pki(root, Load(folder, "ca"), time);
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw new PkiException(
                $"The certificate authority in {folder} cannot be read: {e.Message} Restore it from a backup; without it every node "
                + "needs a new certificate.", e);
        }
    }

    /// <summary>Makes the local administrator's certificate where it is missing or ends soon.</summary>
    public void EnsureAdmin()
    {
        var folder = Path.Combine(_root, "admin");
        using var current = TryLoad(folder, "admin");
        if (current is null || EndsSoon(current))
        {
            Write(folder, "admin", _authority.IssueAdmin(CallerIdentity.LocalAdmin, _time.GetUtcNow()));
        }
    }

    /// <summary>The server's certificate with its key, renewed when it is missing, ends soon or lacks one of the names.</summary>
    /// <param name="names">DNS names and IP addresses.</param>
    public X509Certificate2 Server(IReadOnlyCollection<string> names)
    {
        lock (_gate)
        {
            if (_server is not null && !EndsSoon(_server))
            {
                return _server;
            }
            var folder = Path.Combine(_root, "server");
            var current = TryLoad(folder, "server");
            if (current is null || EndsSoon(current) || !names.All(name => current.MatchesHostname(name, allowCommonName: false)))
            {
                current?.Dispose();
                Write(folder, "server", _authority.IssueServer(names, _time.GetUtcNow()));
                current = Load(folder, "server");
            }
            return _server = current;
        }
    }

    /// <summary>Writes <c>ca.crt</c>, <c>node.crt</c> and <c>node.key</c> for one node's agent extension.</summary>
    /// <param name="name">BlueChi's node name of the host.</param>
    /// <param name="folder">Where to; replaced when it exists.</param>
    public void IssueNode(string name, string folder) => Write(folder, "node", _authority.IssueNode(name, _time.GetUtcNow()));

    /// <summary>Tells who client certificates belong to.</summary>
    public PeerCertificates Peers() => new(Authority, _time);

    /// <inheritdoc/>
    public void Dispose()
    {
        _authority.Dispose();
        Authority.Dispose();
        _server?.Dispose();
    }

    private void Write(string folder, string name, PemIdentity identity) => DurableFolder.Write(
        folder, ("ca.crt", _authority.Certificate), ($"{name}.crt", identity.Certificate), ($"{name}.key", identity.Key));

    private bool EndsSoon(X509Certificate2 certificate) => certificate.NotAfter.ToUniversalTime() - _time.GetUtcNow().UtcDateTime < RenewBefore;

    /// <summary>What is there, or null when it does not read or is not of this CA: then it is made anew, which loses nothing.</summary>
    private X509Certificate2? TryLoad(string folder, string name)
    {
        try
        {
            var loaded = Load(folder, name);
            if (loaded.IssuerName.RawData.AsSpan().SequenceEqual(Authority.SubjectName.RawData)
                && File.ReadAllText(Path.Combine(folder, "ca.crt")) == _authority.Certificate)
            {
                return loaded;
            }
            loaded.Dispose();
            return null;
        }
        catch (Exception e) when (e is CryptographicException or FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    private static X509Certificate2 Load(string folder, string name) =>
        X509Certificate2.CreateFromPemFile(Path.Combine(folder, $"{name}.crt"), Path.Combine(folder, $"{name}.key"));
}

/// <summary>The keys cannot be used.</summary>
internal sealed class PkiException(string message, Exception cause) : Exception(message, cause);
