using Qm.Fleet.Agent.Revisions;
using Qm.Fleet.Agent.Rootfs;
using Qm.Fleet.Agent.Tests.Rootfs;

namespace Qm.Fleet.Agent.Tests.Fuzz;

/// <summary>Whatever an archive holds, it is surveyed or refused with a reason, in bounded memory.</summary>
[Trait("Requirement", "QMF-AGENT-009")]
public sealed class ArchiveFuzzTests
{
    private const int Rounds = 3_000;
    private static readonly int Seed = Environment.GetEnvironmentVariable("QMFLEET_FUZZ_SEED") is { Length: > 0 } seed ? int.Parse(seed, System.Globalization.CultureInfo.InvariantCulture) : Random.Shared.Next();

    [Theory]
    [InlineData("tar")]
    [InlineData("gz")]
    [InlineData("zst")]
    public void Survey_AnyDamage_IsASurveyOrARefusal(string compression)
    {
        using var node = new EmulatedNode();
        var archive = TestArchive.Bootable().Attributes(("security.capability", [1, 0, 0, 2, 0, 4, 0, 0])).File("./usr/bin/ping", new byte[3_000]).HardLink("./usr/bin/ping6", "./usr/bin/ping")
            .File("./" + new string('a', 300) + "/x", "long").ToArray(compression);
        var (damage, refused) = (new Damage(Seed), 0);
        for (var round = 0; round < Rounds; round++)
        {
            var damaged = damage.Do(archive);
            Directory.CreateDirectory(node.Of("srv"));
            File.WriteAllBytes(node.Of("srv/rootfs.tar"), damaged);
            var before = GC.GetAllocatedBytesForCurrentThread();
            var exception = Record.Exception(() =>
            {
                using var stream = new ArchiveStream(File.OpenRead(node.Of("srv/rootfs.tar")), RootfsLimits.Default, static _ => { }, TestContext.Current.CancellationToken);
                ArchiveSurvey.Read(stream, RootfsLimits.Default);
            });
            Assert.True(exception is null or CommandRefusedException, $"QMFLEET_FUZZ_SEED={Seed}, round {round}: {exception}\n{Convert.ToBase64String(damaged)}");
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 16L << 20);
            refused += exception is null ? 0 : 1;
        }

        Assert.InRange(refused, 1, Rounds);
    }
}
