using Qm.Fleet.Core.Certificates;

namespace Qm.Fleet.Controller.Storage;

/// <summary>What is known of certificates: which were revoked, who uses which, and whose end was told.</summary>
internal sealed class CertificateStore(Database database)
{
    /// <summary>Revocations of single certificates; more are refused.</summary>
    public const int MostSerials = 10_000;

    /// <summary>Every revocation, the newest first.</summary>
    public IReadOnlyList<Revocation> Revocations() => database.Read(Revocations);

    /// <summary>The newest certificate of each subject, by subject.</summary>
    public IReadOnlyList<CertificateInUse> InUse() => database.Read(static db => db.Query<UseRow>(
            "select subject as Subject, serial as Serial, authority as Authority, begins_at as BeginsAt, ends_at as EndsAt, seen_at as SeenAt from certificates order by subject")
        .Select(static row => new CertificateInUse(row.Subject, row.Serial, row.Authority, new(row.BeginsAt.ToTime(), row.EndsAt.ToTime()), row.SeenAt.ToTime())).ToList());

    /// <summary>What was told of the ends of certificates.</summary>
    public IReadOnlySet<(string Serial, CertificateConcern Concern)> Notices() => database.Read(static db =>
        db.Query<NoticeRow>("select serial as Serial, concern as Concern from certificate_notices").Select(static row => (row.Serial, (CertificateConcern)row.Concern)).ToHashSet());

    /// <summary>Stores what was seen of certificates, and tells of those that near their end; what has ended is forgotten.</summary>
    public Task NoteAsync(IReadOnlyCollection<CertificateInUse> seen, IReadOnlyCollection<CertificateNotice> notices, CancellationToken ct) => database.WriteAsync(
        tx =>
        {
            foreach (var use in seen)
            {
                Save(tx, use);
            }
            foreach (var notice in notices)
            {
                tx.Execute(
                    "insert into certificate_notices (serial, concern, ends_at) values (@Serial, @Concern, @EndsAt) on conflict do nothing",
                    new { notice.Serial, Concern = (int)notice.Concern, EndsAt = notice.EndsAt.ToMicroseconds() });
                tx.Append(notice.Draft);
            }
            tx.Execute("delete from certificates where ends_at < @Now", new { Now = tx.Now.ToMicroseconds() });
            tx.Execute("delete from certificate_notices where ends_at < @Now", new { Now = tx.Now.ToMicroseconds() });
            return seen.Count + notices.Count;
        },
        commit: true, ct);

    /// <summary>Tells of something.</summary>
    public Task AppendAsync(EventDraft draft, CancellationToken ct) => database.WriteAsync(
        tx =>
        {
            tx.Append(draft);
            return true;
        },
        commit: true, ct);

    /// <summary>Tells of a step of the authorities, unless the log does already.</summary>
    /// <returns>Whether it was told now.</returns>
    public Task<bool> NoteStepAsync(int number, Func<EventDraft> draft, CancellationToken ct) => database.WriteAsync(tx => NoteStep(tx, number, draft), commit: true, ct);

    /// <inheritdoc cref="NoteStepAsync"/>
    internal static bool NoteStep(WriteTransaction tx, int number, Func<EventDraft> draft)
    {
        if (number == 0 || tx.Execute("insert into authority_steps (number) values (@number) on conflict do nothing", new { number }) == 0)
        {
            return false;
        }
        tx.Append(draft());
        return true;
    }

    /// <summary>Inside a transaction: every revocation, the newest first.</summary>
    internal static IReadOnlyList<Revocation> Revocations(ReadSnapshot db) =>
        [.. db.Query<RevocationRow>("select serial as Serial, subject as Subject, issued_until as IssuedUntil, reason as Reason, actor as Actor, revoked_at as RevokedAt from revocations order by revoked_at desc, serial, subject")
            .Select(static row => new Revocation(row.Serial, row.Subject, row.IssuedUntil == long.MaxValue ? DateTimeOffset.MaxValue : row.IssuedUntil.ToTime(), row.Reason, row.Actor, row.RevokedAt.ToTime()))];

    /// <summary>Inside a transaction: revokes; what was revoked of the same subject before stays so.</summary>
    /// <exception cref="AccessException">Too many single certificates are revoked.</exception>
    internal static void Revoke(WriteTransaction tx, Revocation revocation)
    {
        if (revocation.Serial.Length > 0 && tx.QuerySingleOrDefault<long>("select count(*) from revocations where serial <> ''") >= MostSerials)
        {
            throw new AccessException($"{MostSerials} single certificates are revoked already. Revoke all of somebody's, or exchange the certificate authority: qmfleet pki rotate ca.");
        }
        tx.Execute(
            """
            insert into revocations (serial, subject, issued_until, reason, actor, revoked_at) values (@Serial, @Subject, @Until, @Reason, @Actor, @At)
            on conflict (serial, subject) do update set issued_until = max(issued_until, excluded.issued_until), reason = excluded.reason, actor = excluded.actor, revoked_at = excluded.revoked_at
            """,
            new
            {
                revocation.Serial,
                revocation.Subject,
                Until = revocation.Until == DateTimeOffset.MaxValue ? long.MaxValue : revocation.Until.ToMicroseconds(),
                revocation.Reason,
                revocation.Actor,
                At = revocation.At.ToMicroseconds(),
            });
    }

    /// <summary>Inside a transaction: revokes what a subject has so far, and nothing that is made from now on, whatever was said before.</summary>
    internal static void RevokeSoFar(WriteTransaction tx, Revocation revocation)
    {
        tx.Execute("delete from revocations where serial = '' and subject = @Subject", new { revocation.Subject });
        Revoke(tx, revocation);
    }

    /// <summary>Inside a transaction: notes the certificate that somebody has now.</summary>
    internal static void Save(WriteTransaction tx, CertificateInUse use) => tx.Execute(
        """
        insert into certificates (subject, serial, authority, begins_at, ends_at, seen_at) values (@Subject, @Serial, @Authority, @Begins, @Ends, @SeenAt)
        on conflict (subject) do update set serial = excluded.serial, authority = excluded.authority, begins_at = excluded.begins_at, ends_at = excluded.ends_at, seen_at = excluded.seen_at
        """,
        new
        {
            use.Subject,
            use.Serial,
            use.Authority,
            Begins = use.Life.Begins.ToMicroseconds(),
            Ends = use.Life.Ends.ToMicroseconds(),
            SeenAt = use.SeenAt.ToMicroseconds(),
        });

    private sealed record RevocationRow(string Serial, string Subject, long IssuedUntil, string Reason, string Actor, long RevokedAt);

    private sealed record UseRow(string Subject, string Serial, string Authority, long BeginsAt, long EndsAt, long SeenAt);

    private sealed record NoticeRow(string Serial, long Concern);
}

/// <summary>The newest certificate that somebody has shown or was given.</summary>
/// <param name="Subject">Who, as events name them.</param>
/// <param name="Serial">Its serial number, lower-case hexadecimal digits.</param>
/// <param name="Authority">The fingerprint of the authority it is of.</param>
/// <param name="Life">From when until when it holds.</param>
/// <param name="SeenAt">When it was first seen.</param>
internal sealed record CertificateInUse(string Subject, string Serial, string Authority, CertificateLife Life, DateTimeOffset SeenAt)
{
    /// <summary>What tells it from others.</summary>
    public CertificateName Name => new(Serial, Subject, Life.Begins);
}

/// <summary>That a certificate nears its end, to be told once.</summary>
/// <param name="Serial">Its serial number.</param>
/// <param name="Concern">How near.</param>
/// <param name="EndsAt">When.</param>
/// <param name="Draft">The event.</param>
internal sealed record CertificateNotice(string Serial, CertificateConcern Concern, DateTimeOffset EndsAt, EventDraft Draft);
