using Qm.Fleet.Benchmarks.Fuzz;
using Xunit;

namespace Qm.Fleet.BlueChi.Tests.Fuzz;

/// <summary>What the whole process allocates is measured: no other test runs meanwhile.</summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;

/// <summary>A slice of the long run, which is a command of the benchmarks: <c>fuzz</c>. An input that fails names the command that makes it again.</summary>
[Trait("Requirement", "QMF-BUS-005")]
[Collection(nameof(Alone))]
public sealed class FuzzTests
{
    private const int Seed = 20260101;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public void Decoders_DamagedBodies_AreReadOrRefused()
    {
        var result = DecoderFuzz.Create(Seed).Run(50_000, 0, Ct);

        Assert.InRange(result.Refused, 1, result.Inputs - 1);
    }

    [Fact]
    public void Messages_OfAnyShape_AreReadAsTheyWereWritten()
    {
        var result = ReaderFuzz.Create(Seed).Run(20_000, 0, Ct);

        Assert.InRange(result.Refused, 0, result.Inputs / 10);
    }

    [Fact]
    public async Task Wire_DamagedBytes_AreReadOrEndTheConnection()
    {
        var result = await new WireFuzz(Seed).RunAsync(500, 0, Ct);

        Assert.InRange(result.Refused, 1, result.Inputs - 1);
    }
}
