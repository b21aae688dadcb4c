using Qm.Fleet.Core.Certificates;

namespace Qm.Fleet.Core.Enrollment;

/// <summary>When a certificate is renewed: after two thirds of its life, and up to a twentieth of it later, so that a fleet does not come as one.</summary>
public static class RenewalTime
{
    /// <summary>When it is due.</summary>
    /// <param name="begin">Since when it is valid.</param>
    /// <param name="end">Until when.</param>
    /// <param name="jitter">From 0 to 1; the same for the same certificate.</param>
    public static DateTimeOffset Of(DateTimeOffset begin, DateTimeOffset end, double jitter)
    {
        var life = new CertificateLife(begin, end);
        return life.RenewAt + (life.Length / 20 * Math.Clamp(jitter, 0, 1));
    }
}
