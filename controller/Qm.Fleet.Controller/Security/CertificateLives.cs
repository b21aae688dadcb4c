namespace Qm.Fleet.Controller.Security;

/// <summary>How long the certificates last that the controller makes.</summary>
/// <param name="Authority">A certificate authority.</param>
/// <param name="Leaf">Every other certificate; one ends no later than the authority it is of.</param>
internal sealed record CertificateLives(TimeSpan Authority, TimeSpan Leaf)
{
    private const int SkewPart = 10;

    /// <summary>Ten years and one year.</summary>
    public static CertificateLives Default { get; } = new(TimeSpan.FromDays(3650), TimeSpan.FromDays(365));

    /// <summary>Certificates are valid from an hour ago, for nodes whose clock is behind; those of a short life from a tenth of it ago, or they would be old when they are made.</summary>
    public static TimeSpan SkewOf(TimeSpan life) => life / SkewPart < CertificateAuthority.ClockSkew ? life / SkewPart : CertificateAuthority.ClockSkew;
}
