using System.Collections.Concurrent;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.Certificates;

namespace Qm.Fleet.Controller.Security;

/// <summary>What a certificate that the controller knows is for.</summary>
internal enum CertificateKind
{
    /// <summary>Vouches for the others.</summary>
    Authority,

    /// <summary>The listener's.</summary>
    Server,

    /// <summary>The local administrator's.</summary>
    Admin,

    /// <summary>A node's agent extension's.</summary>
    Node,

    /// <summary>A person's, or that of automation.</summary>
    Person,
}

/// <summary>A certificate that the controller knows, and whose end matters.</summary>
/// <param name="Kind">What it is for.</param>
/// <param name="Name">Whose it is: a fingerprint of an authority, and else as events name them.</param>
/// <param name="Serial">Its serial number, lower-case hexadecimal digits.</param>
/// <param name="Life">From when until when it holds.</param>
internal sealed record KnownCertificate(CertificateKind Kind, string Name, string Serial, CertificateLife Life)
{
    /// <summary>Whether it is renewed without anybody's doing.</summary>
    public bool RenewsItself => Kind is CertificateKind.Server or CertificateKind.Admin or CertificateKind.Node;
}

/// <summary>Knows the certificates that are in use, and ends what was revoked.</summary>
/// <remarks>Holds the newest certificate of each node and person that ever showed one and has not ended, so it is bounded by the certificates issued.</remarks>
internal sealed class CertificateDesk
{
    private readonly Pki _pki;
    private readonly CertificateStore _store;
    private readonly CertifiedConnections _open;
    private readonly TimeProvider _time;
    private readonly ConcurrentDictionary<string, CertificateInUse> _inUse = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, CertificateInUse> _unstored = new(StringComparer.Ordinal);

    /// <summary>Takes up what is stored, before anybody is let in.</summary>
    public CertificateDesk(Pki pki, CertificateStore store, CertifiedConnections open, TimeProvider time)
    {
        (_pki, _store, _open, _time) = (pki, store, open, time);
        pki.Revoked = new RevokedCertificates(store.Revocations());
        foreach (var use in store.InUse())
        {
            _inUse[use.Subject] = use;
        }
        open.Shown += Saw;
    }

    /// <summary>Every certificate that the controller knows and that is in use now: its own, and those of open connections; the newest of each.</summary>
    public IEnumerable<KnownCertificate> Known()
    {
        foreach (var authority in _pki.Authorities.All)
        {
            yield return new(CertificateKind.Authority, authority.Fingerprint, authority.Certificate.SerialNumber.ToLowerInvariant(), authority.Life);
        }
        yield return new(CertificateKind.Server, "server", _pki.Presented.SerialNumber.ToLowerInvariant(), _pki.Presented.Life());
        var localAdmin = CallerIdentity.Admin(CallerIdentity.LocalAdmin).Actor;
        using (var admin = _pki.Admin())
        {
            if (admin is not null)
            {
                yield return new(CertificateKind.Admin, localAdmin, admin.SerialNumber.ToLowerInvariant(), admin.Life());
            }
        }
        foreach (var open in _open.Open.Where(open => open.Subject != localAdmin).GroupBy(static open => open.Subject, StringComparer.Ordinal).Select(static open => open.MaxBy(static one => one.Life.Ends)!))
        {
            yield return Known(open);
        }
    }

    /// <summary>The same, and those of whoever is not connected now: a person comes for a moment, and a node that is away too long is let in no more.</summary>
    public IEnumerable<KnownCertificate> All()
    {
        var (connected, now) = (new HashSet<string>(StringComparer.Ordinal), _time.GetUtcNow());
        foreach (var known in Known())
        {
            connected.Add(known.Name);
            yield return known;
        }
        foreach (var use in _inUse.Values.Where(use => !connected.Contains(use.Subject) && use.Life.Ends > now && _pki.Revoked.Find(use.Name) is null && _pki.Authorities.All.Any(authority => authority.Fingerprint == use.Authority)))
        {
            yield return Known(use);
        }
    }

    /// <summary>Who has no certificate newer than one of an authority; by subject. Nobody whose certificate has ended or was revoked, nor the local administrator, who always has a newer one.</summary>
    public IReadOnlyList<CertificateInUse> UsersOf(CertificateAuthority authority)
    {
        var (now, localAdmin) = (_time.GetUtcNow(), CallerIdentity.Admin(CallerIdentity.LocalAdmin).Actor);
        return [.. _inUse.Values.Where(use => use.Subject != localAdmin && use.Authority == authority.Fingerprint && use.Life.Ends > now && _pki.Revoked.Find(use.Name) is null).OrderBy(static use => use.Subject, StringComparer.Ordinal)];
    }

    /// <summary>Notes a certificate that somebody showed or was given, where it is newer than what is known.</summary>
    public void Saw(CertificateInUse use)
    {
        var kept = _inUse.AddOrUpdate(use.Subject, use, (_, known) => use.Serial != known.Serial && IsNewer(use, known) ? use : known);
        if (ReferenceEquals(kept, use))
        {
            _unstored[use.Subject] = use;
        }
    }

    /// <summary>Forgets certificates that have ended.</summary>
    public void Forget()
    {
        var now = _time.GetUtcNow();
        foreach (var ended in _inUse.Where(use => use.Value.Life.Ends <= now))
        {
            _inUse.TryRemove(ended);
        }
    }

    /// <summary>What was noted and is not stored yet; it is forgotten that it is not.</summary>
    public IReadOnlyList<CertificateInUse> TakeUnstored() => [.. _unstored.Keys.ToList().Select(subject => _unstored.TryRemove(subject, out var use) ? use : null).OfType<CertificateInUse>()];

    /// <summary>Has something that could not be stored stored later.</summary>
    public void StoreLater(IEnumerable<CertificateInUse> uses)
    {
        foreach (var use in uses)
        {
            _unstored.TryAdd(use.Subject, use);
        }
    }

    /// <summary>Takes up what was stored of revocations, and ends the connections that go on because of what was revoked.</summary>
    /// <returns>How many.</returns>
    public int Refresh()
    {
        _pki.Revoked = new RevokedCertificates(_store.Revocations());
        return _open.Check();
    }

    /// <summary>Whether a subject is a node.</summary>
    public static bool IsNode(string subject) => subject.StartsWith("node:", StringComparison.Ordinal);

    private static KnownCertificate Known(CertificateInUse use) => new(IsNode(use.Subject) ? CertificateKind.Node : CertificateKind.Person, use.Subject, use.Serial, use.Life);

    // Whoever shows a certificate of the authority that issues now has it, whatever a clock says.
    private bool IsNewer(CertificateInUse use, CertificateInUse known) =>
        use.Authority != known.Authority ? use.Authority == _pki.Authorities.Issuing.Fingerprint : use.Life.Ends > known.Life.Ends;
}
