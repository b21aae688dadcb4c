using Qm.Fleet.Core.Audit;
using Xunit;

namespace Qm.Fleet.Core.Tests.Audit;

[Trait("Requirement", "QMF-AUDIT-001")]
public sealed class AuditRecordTests
{
    // Made by another program from what the remarks of Write say; it never changes, for the hashes that are stored do not either.
    private const string Form =
        "716d2e666c6565742e6576656e742e310a000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f00000000000000070000000069a42a40075bca00000000020000000f466c656574436f6e666967757265640000000b61646d696e3a6ac3b6726700000007636f636b70697400000000000000000000000d47656e65726174696f6e20322e0000000f3139322e302e322e373a34313233340000002431323365343536372d653839622d313264332d613435362d343236363134313734303030000000027b7d0000000d7b202273706563223a2031207d";

    private const string Hash = "3f12356844844fd392f125e0a4495e0ef66b5fc7db60fce30ce13dbeeef95cc4";

    private static readonly AuditRecord Sample = new(
        7, 1772366400, 123456000, 2, "FleetConfigured", "admin:jörg", "cockpit", "", "", "Generation 2.",
        new("192.0.2.7:41234", "123e4567-e89b-12d3-a456-426614174000", "{}", "{ \"spec\": 1 }"));

    private static readonly byte[] Previous = [.. Enumerable.Range(0, AuditRecord.HashLength).Select(static number => (byte)number)];

    [Fact]
    public void Write_Sample_IsWhatItAlwaysWas() => Assert.Equal(Form, Convert.ToHexStringLower(Sample.Write(Previous)));

    [Fact]
    public void Hash_Sample_IsWhatItAlwaysWas() => Assert.Equal(Hash, Convert.ToHexStringLower(Sample.Hash(Previous)));

    [Fact]
    public void Write_TextMovedToTheNextField_IsAnother() => Assert.NotEqual(
        Sample.Write(Previous), (Sample with { Fleet = "cock", Node = "pit" }).Write(Previous));
}
