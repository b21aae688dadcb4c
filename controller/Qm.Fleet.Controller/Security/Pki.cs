using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Qm.Fleet.Core.Certificates;

namespace Qm.Fleet.Controller.Security;

/// <summary>The state folder's keys: the certificate authorities, the server's certificate and the local administrator's.</summary>
/// <remarks>
/// <c>pki/ca/</c>, and <c>pki/ca-*/</c> of later ones, are never changed; <c>pki/authorities</c> says which are in force. <c>pki/server/</c> and <c>pki/admin/</c> (ca.crt, admin.crt,
/// admin.key: what <c>qmfleet</c> connects with) are made anew when they are missing, do not read, have come to two thirds of their life, are of another authority, or lack a name. Folders
/// are 0700, files 0600, and each is replaced at one stroke.
/// </remarks>
internal sealed partial class Pki : IDisposable
{
    private const string ServerFolder = "server";
    private const string AdminFolder = "admin";

    private readonly string _root;
    private readonly TimeProvider _time;
    private readonly CertificateLives _lives;
    private readonly Action<string> _before;
    private readonly Lock _gate = new();
    private Authorities _authorities;
    private RevokedCertificates _revoked = RevokedCertificates.None;
    private IReadOnlyCollection<string> _names = [];
    private X509Certificate2? _server;

    private Pki(string root, TimeProvider time, CertificateLives lives, Action<string> before, Authorities authorities) =>
        (_root, _time, _lives, _before, _authorities) = (root, time, lives, before, authorities);

    /// <summary>The authorities are others now. Handlers are quick: they run while nothing else can be made.</summary>
    public event Action? Changed;

    /// <summary>The authorities in force.</summary>
    public Authorities Authorities => Volatile.Read(ref _authorities);

    /// <summary>The certificate of the authority that new certificates are of, without its key.</summary>
    public X509Certificate2 Authority => Authorities.Issuing.Certificate;

    /// <inheritdoc cref="Authorities.Pem"/>
    public string AuthoritiesPem => Authorities.Pem;

    /// <inheritdoc cref="Authorities.Digest"/>
    public string AuthoritiesDigest => Authorities.Digest;

    /// <summary>The certificates that do not count any more.</summary>
    public RevokedCertificates Revoked
    {
        get => Volatile.Read(ref _revoked);
        set => Volatile.Write(ref _revoked, value);
    }

    /// <summary>What the listener shows at a handshake: nothing is read or written for it.</summary>
    /// <exception cref="InvalidOperationException"><see cref="Server"/> was not called yet.</exception>
    public X509Certificate2 Presented => Volatile.Read(ref _server) ?? throw new InvalidOperationException("The server has no certificate yet.");

    /// <summary>Whether the state folder has a CA.</summary>
    public static bool Exists(string state) => Directory.Exists(Path.Combine(state, "pki")) && Folders(Path.Combine(state, "pki")).Any();

    /// <summary>Opens the state folder's authorities, making one first where there is none.</summary>
    /// <param name="state">The state folder.</param>
    /// <param name="time">Decides what is made when.</param>
    /// <param name="lives">How long what is made lasts; null for the usual.</param>
    /// <param name="before">Told of each change of the disk before it is made, for tests; null for nobody.</param>
    /// <exception cref="PkiException">They are there and do not read.</exception>
    public static Pki Open(string state, TimeProvider time, CertificateLives? lives = null, Action<string>? before = null)
    {
        var root = Path.Combine(state, "pki");
        (lives, before) = (lives ?? CertificateLives.Default, before ?? (static _ => { }));
        DurableFolder.Create(root);
        var step = AuthorityStep.Read(root);
        if (step is null && !Folders(root).Any())
        {
            CertificateAuthority.Save(Path.Combine(root, AuthorityStep.FirstFolder), CertificateAuthority.Create(time.GetUtcNow(), lives), before);
        }
        try
        {
            return new Pki(root, time, lives, before, Load(root, step ?? AuthorityStep.First, lives));
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw new PkiException(
                $"The certificate authority in {root} cannot be read: {e.Message} Restore it from a backup; without it every node "
                + "needs a new certificate.", e);
        }
    }

    /// <summary>Takes away what a step that was never made, or one that was, has left behind. Only for whoever holds the state folder.</summary>
    public void Sweep()
    {
        var step = Authorities.Step;
        // Before the first step nothing says whether another folder is one too many, or the file is missing that names it.
        foreach (var folder in Folders(_root).Where(folder => step.Number > 0 && folder != step.Issuing && folder != step.Retiring).ToList())
        {
            DurableFolder.Remove(Path.Combine(_root, folder), _before);
        }
        foreach (var beside in Directory.GetDirectories(_root, ".*.new"))
        {
            DurableFolder.Remove(beside, _before);
        }
    }

    /// <summary>Makes the local administrator's certificate where it is missing or its time has come.</summary>
    /// <returns>Whether it was made.</returns>
    public bool EnsureAdmin()
    {
        lock (_gate)
        {
            var folder = Path.Combine(_root, AdminFolder);
            using var current = TryLoad(folder, AdminFolder);
            if (current is not null && IsGood(current, Authorities.Issuing) && Revoked.Find(current.NameOf(CallerIdentity.Admin(CallerIdentity.LocalAdmin))) is null)
            {
                Refresh(folder, AdminFolder);
                return false;
            }
            MakeAdmin();
            return true;
        }
    }

    /// <summary>The server's certificate with its key, made anew when it is missing, its time has come or it lacks one of the names.</summary>
    /// <param name="names">DNS names and IP addresses.</param>
    public X509Certificate2 Server(IReadOnlyCollection<string> names)
    {
        lock (_gate)
        {
            _names = names;
            EnsureServer();
            return _server!;
        }
    }

    /// <summary>Makes the server's certificate anew where its time has come.</summary>
    /// <returns>Whether it was made. Before <see cref="Server"/> was called there is nothing to renew.</returns>
    public bool RenewServer()
    {
        lock (_gate)
        {
            return _server is not null && EnsureServer();
        }
    }

    /// <summary>Makes the server's certificate anew now; open connections go on with the one they have.</summary>
    public void RotateServer()
    {
        lock (_gate)
        {
            MakeServer();
        }
    }

    /// <summary>Makes the local administrator's certificate anew now; the one before holds until its end, unless it is revoked.</summary>
    public void RotateAdmin()
    {
        lock (_gate)
        {
            MakeAdmin();
        }
    }

    /// <summary>The local administrator's certificate; null when there is none that reads.</summary>
    public X509Certificate2? Admin() => TryLoad(Path.Combine(_root, AdminFolder), AdminFolder);

    /// <summary>Writes <c>ca.crt</c>, <c>node.crt</c> and <c>node.key</c> for one node's agent extension.</summary>
    /// <param name="name">BlueChi's node name of the host.</param>
    /// <param name="folder">Where to; replaced when it exists.</param>
    public void IssueNode(string name, string folder)
    {
        var authorities = Authorities;
        Write(folder, "node", authorities.Issuing.Issue(Node(name), _time.GetUtcNow()), authorities);
    }

    /// <summary>A certificate for a node's agent extension, for a key that it made itself.</summary>
    /// <param name="name">BlueChi's node name of the host.</param>
    /// <param name="key">Of <see cref="CertificateRequests.ReadKey(ReadOnlySpan{byte}, string)"/>.</param>
    /// <returns>PEM text.</returns>
    public string SignNode(string name, PublicKey key) => Authorities.Issuing.Sign(Node(name), key, _time.GetUtcNow());

    /// <summary>A certificate for a person or for automation, for a key that they made themselves.</summary>
    /// <param name="name">Their name.</param>
    /// <param name="role">Of <see cref="PeerCertificates.PersonUnits"/>.</param>
    /// <param name="key">Of <see cref="CertificateRequests.ReadKey(ReadOnlySpan{byte}, string)"/>.</param>
    /// <returns>PEM text.</returns>
    public string SignPerson(string name, string role, PublicKey key) =>
        Authorities.Issuing.Sign(new(name, role, Revoked.Earliest(CallerIdentity.Person(name, role).Actor)), key, _time.GetUtcNow());

    /// <summary>Tells who client certificates belong to.</summary>
    public PeerCertificates Peers() => new(this, _time);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var authority in Authorities.All)
        {
            authority.Dispose();
        }
        _server?.Dispose();
    }

    private static IEnumerable<string> Folders(string root) => Directory.GetDirectories(root).Select(static folder => Path.GetFileName(folder))
        .Where(static name => name == AuthorityStep.FirstFolder || name.StartsWith(AuthorityStep.LaterFolders, StringComparison.Ordinal));

    private static Authorities Load(string root, AuthorityStep step, CertificateLives lives) => new(
        step, CertificateAuthority.Load(Path.Combine(root, step.Issuing), lives),
        step.Retiring is null ? null : CertificateAuthority.Load(Path.Combine(root, step.Retiring), lives));

    private CertificateOwner Node(string name) => new(name, PeerCertificates.NodeUnit, Revoked.Earliest(CallerIdentity.Node(name).Actor));

    private bool EnsureServer()
    {
        var folder = Path.Combine(_root, ServerFolder);
        var current = _server ?? TryLoad(folder, ServerFolder);
        if (current is not null && IsGood(current, Authorities.OfServer) && _names.All(name => current.MatchesHostname(name, allowCommonName: false)))
        {
            Volatile.Write(ref _server, current);
            Refresh(folder, ServerFolder);
            return false;
        }
        MakeServer();
        return true;
    }

    // The one before is not disposed of: a handshake that just began may still show it.
    private void MakeServer()
    {
        var authorities = Authorities;
        var folder = Path.Combine(_root, ServerFolder);
        Write(folder, ServerFolder, authorities.OfServer.IssueServer(_names, _time.GetUtcNow()), authorities);
        Volatile.Write(ref _server, Load(folder, ServerFolder));
    }

    private void MakeAdmin()
    {
        var authorities = Authorities;
        CertificateOwner owner = new(CallerIdentity.LocalAdmin, PeerCertificates.AdminUnit, Revoked.Earliest(CallerIdentity.Admin(CallerIdentity.LocalAdmin).Actor));
        Write(Path.Combine(_root, AdminFolder), AdminFolder, authorities.Issuing.Issue(owner, _time.GetUtcNow()), authorities);
    }

    private void Write(string folder, string name, PemIdentity identity, Authorities authorities) => DurableFolder.Write(
        folder, _before, ("ca.crt", authorities.Pem), ($"{name}.crt", identity.Certificate), ($"{name}.key", identity.Key.Reveal()));

    /// <summary>Brings <c>ca.crt</c> beside a certificate that stays up to date.</summary>
    private void Refresh(string folder, string name)
    {
        var authorities = Authorities;
        var (bundle, certificate, key) = (Path.Combine(folder, "ca.crt"), Path.Combine(folder, $"{name}.crt"), Path.Combine(folder, $"{name}.key"));
        if (File.Exists(certificate) && (!File.Exists(bundle) || File.ReadAllText(bundle) != authorities.Pem))
        {
            Write(folder, name, new(File.ReadAllText(certificate), new(File.ReadAllText(key))), authorities);
        }
    }

    private bool IsGood(X509Certificate2 certificate, CertificateAuthority authority) =>
        _time.GetUtcNow() < certificate.Life().RenewAt && PeerCertificates.IsOf(authority, certificate, _time.GetUtcNow());

    /// <summary>What is there, or null when it does not read: then it is made anew, which loses nothing.</summary>
    private static X509Certificate2? TryLoad(string folder, string name)
    {
        try
        {
            return Load(folder, name);
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
internal sealed class PkiException(string message, Exception? cause = null) : Exception(message, cause);
