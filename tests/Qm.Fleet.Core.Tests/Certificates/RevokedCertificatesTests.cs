using CsCheck;
using Qm.Fleet.Core.Certificates;
using Xunit;

namespace Qm.Fleet.Core.Tests.Certificates;

[Trait("Requirement", "QMF-PKI-006")]
public sealed class RevokedCertificatesTests
{
    private static readonly DateTimeOffset Noon = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Find_BySerialOrSubject_FindsWhatWasMadeByThen()
    {
        var revoked = new RevokedCertificates([Of("0a", "", Noon), Of("", "node:ecu1", Noon), Of("", "node:ecu2", DateTimeOffset.MaxValue)]);

        Assert.NotNull(revoked.Find(new("0a", "admin:ann", Noon.AddDays(1))));
        Assert.Null(revoked.Find(new("0b", "admin:ann", Noon)));
        Assert.NotNull(revoked.Find(new("0b", "node:ecu1", Noon)));
        Assert.Null(revoked.Find(new("0b", "node:ecu1", Noon.AddSeconds(1))));
        Assert.NotNull(revoked.Find(new("0b", "node:ecu2", Noon.AddYears(9))));
    }

    [Fact]
    public void Earliest_AfterARevocation_IsTheFirstWholeSecondThatCounts() => Gen.Long[0, TimeSpan.TicksPerDay].Sample(ticks =>
    {
        var until = Noon.AddTicks(ticks);
        var revoked = new RevokedCertificates([Of("", "node:ecu1", until)]);

        var earliest = revoked.Earliest("node:ecu1")!.Value;

        Assert.Equal(0, earliest.Ticks % TimeSpan.TicksPerSecond);
        Assert.Null(revoked.Find(new("0b", "node:ecu1", earliest)));
        Assert.NotNull(revoked.Find(new("0b", "node:ecu1", earliest.AddSeconds(-1))));
    });

    [Fact]
    public void Earliest_NothingOrEverythingRevoked_IsNoTime()
    {
        Assert.Null(RevokedCertificates.None.Earliest("node:ecu1"));
        Assert.Null(new RevokedCertificates([Of("", "node:ecu1", DateTimeOffset.MaxValue)]).Earliest("node:ecu1"));
    }

    private static Revocation Of(string serial, string subject, DateTimeOffset until) => new(serial, subject, until, "lost", "local:root", Noon);
}
