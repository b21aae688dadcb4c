using Qm.Fleet.Core.Certificates;
using Xunit;

namespace Qm.Fleet.Core.Tests.Certificates;

public sealed class CertificateLifeTests
{
    private static readonly DateTimeOffset Begin = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly CertificateLife Life = new(Begin, Begin.AddDays(300));

    [Fact]
    [Trait("Requirement", "QMF-PKI-002")]
    public void RenewAt_IsAtTwoThirds() => Assert.Equal(Begin.AddDays(200), Life.RenewAt);

    [Theory]
    [InlineData(199, false, CertificateConcern.None)]
    [InlineData(200, false, CertificateConcern.Warning)]
    [InlineData(200, true, CertificateConcern.None)]
    [InlineData(269, false, CertificateConcern.Warning)]
    [InlineData(270, false, CertificateConcern.Critical)]
    [InlineData(270, true, CertificateConcern.Critical)]
    [InlineData(400, true, CertificateConcern.Critical)]
    [Trait("Requirement", "QMF-PKI-005")]
    public void ConcernAt_AThirdAndATenthLeft_IsWarningAndCritical(int day, bool renewsItself, CertificateConcern concern) =>
        Assert.Equal(concern, Life.ConcernAt(Begin.AddDays(day), renewsItself));
}
