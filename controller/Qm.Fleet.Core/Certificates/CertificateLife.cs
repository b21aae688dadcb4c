namespace Qm.Fleet.Core.Certificates;

/// <summary>From when until when a certificate holds, and what follows from that.</summary>
/// <param name="Begins">Its notBefore.</param>
/// <param name="Ends">Its notAfter.</param>
public readonly record struct CertificateLife(DateTimeOffset Begins, DateTimeOffset Ends)
{
    private const int WarningPart = 3;
    private const int CriticalPart = 10;

    /// <summary>How long it is.</summary>
    public TimeSpan Length => Ends - Begins;

    /// <summary>When who renews certificates makes the next one: at two thirds of the life, so that a third is left to find out why that does not work.</summary>
    public DateTimeOffset RenewAt => Begins + (Length / WarningPart * 2);

    /// <summary>How near its end is.</summary>
    /// <param name="now">The time.</param>
    /// <param name="renewsItself">Whether nobody has to do anything about it, unless that fails.</param>
    public CertificateConcern ConcernAt(DateTimeOffset now, bool renewsItself) =>
        Ends - now <= Length / CriticalPart ? CertificateConcern.Critical
        : Ends - now <= Length / WarningPart && !renewsItself ? CertificateConcern.Warning
        : CertificateConcern.None;
}

/// <summary>How much the end of a certificate matters. The numbers are stored: they never change.</summary>
public enum CertificateConcern
{
    /// <summary>It holds for long, or is about to be renewed by itself.</summary>
    None = 0,

    /// <summary>A third of its life is left, and somebody has to renew it.</summary>
    Warning = 1,

    /// <summary>A tenth of its life is left, or nothing.</summary>
    Critical = 2,
}
