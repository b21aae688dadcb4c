using System.Collections.Frozen;

namespace Qm.Fleet.Core.Certificates;

/// <summary>What tells a certificate from others.</summary>
/// <param name="Serial">Its serial number, lower-case hexadecimal digits.</param>
/// <param name="Subject">Whose it is, as events name them: node:ecu1, admin:alice.</param>
/// <param name="Begins">Its notBefore.</param>
public readonly record struct CertificateName(string Serial, string Subject, DateTimeOffset Begins);

/// <summary>Certificates that do not count any more, however long they hold.</summary>
/// <param name="Serial">The serial number of one; empty for those of a subject.</param>
/// <param name="Subject">Whose they are; empty for a serial number.</param>
/// <param name="Until">Of a subject: those that begin no later. A certificate begins no later than it was made, so none of before escapes; <see cref="DateTimeOffset.MaxValue"/> for every one, also those to come.</param>
/// <param name="Reason">Why, in somebody's words.</param>
/// <param name="Actor">Who said so.</param>
/// <param name="At">When.</param>
public sealed record Revocation(string Serial, string Subject, DateTimeOffset Until, string Reason, string Actor, DateTimeOffset At);

/// <summary>All revocations at one moment.</summary>
public sealed class RevokedCertificates
{
    private readonly FrozenDictionary<string, Revocation> _bySerial;
    private readonly FrozenDictionary<string, Revocation> _bySubject;

    /// <summary>Takes up what is revoked; of a subject what reaches furthest counts.</summary>
    public RevokedCertificates(IEnumerable<Revocation> revocations)
    {
        All = [.. revocations];
        _bySerial = All.Where(static revocation => revocation.Serial.Length > 0).DistinctBy(static revocation => revocation.Serial).ToFrozenDictionary(static revocation => revocation.Serial, StringComparer.Ordinal);
        _bySubject = All.Where(static revocation => revocation.Serial.Length == 0).OrderByDescending(static revocation => revocation.Until).DistinctBy(static revocation => revocation.Subject)
            .ToFrozenDictionary(static revocation => revocation.Subject, StringComparer.Ordinal);
    }

    /// <summary>None.</summary>
    public static RevokedCertificates None { get; } = new([]);

    /// <summary>Every one.</summary>
    public IReadOnlyList<Revocation> All { get; }

    /// <summary>Why a certificate does not count; null when it does.</summary>
    public Revocation? Find(CertificateName certificate) => _bySerial.TryGetValue(certificate.Serial, out var one) ? one
        : _bySubject.TryGetValue(certificate.Subject, out var all) && certificate.Begins <= all.Until ? all
        : null;

    /// <summary>When a new certificate of a subject may begin at the earliest: after those that are revoked. Whole seconds, as certificates have them; null when any time will do.</summary>
    public DateTimeOffset? Earliest(string subject) => _bySubject.TryGetValue(subject, out var all) && all.Until < DateTimeOffset.MaxValue.AddSeconds(-1)
        ? new DateTimeOffset(all.Until.UtcTicks - (all.Until.UtcTicks % TimeSpan.TicksPerSecond), TimeSpan.Zero).AddSeconds(1)
        : null;
}
