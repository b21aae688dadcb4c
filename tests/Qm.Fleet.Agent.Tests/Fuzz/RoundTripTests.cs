using System.Globalization;
using System.Text;
using CsCheck;
using Qm.Fleet.Agent.Evidence;
using Qm.Fleet.Agent.Usage;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Revisions;

namespace Qm.Fleet.Agent.Tests.Fuzz;

/// <summary>What the kernel, Podman's configuration and we write is read back as it was meant.</summary>
[Trait("Requirement", "QMF-AGENT-009")]
public sealed class RoundTripTests
{
    private const int Damaged = 20_000;
    private static readonly int Seed = Environment.GetEnvironmentVariable("QMFLEET_FUZZ_SEED") is { Length: > 0 } seed ? int.Parse(seed, CultureInfo.InvariantCulture) : Random.Shared.Next();
    private static readonly Gen<string> Word = Gen.String[Gen.Char["abz09._:-"], 1, 12];
    // A path of the kernel's, with everything that it escapes.
    private static readonly Gen<string> Point = Gen.String[Gen.Char["ab/ \t\n\\#é0134"], 0, 20].Select(static path => "/" + path);

    [Fact]
    public void ContainersConf_AnyScoreThatIsRendered_IsReadBack() => Gen.Int[501, 1000].Sample(static score =>
    {
        var environment = new FleetEnvironment { Oom = new(500, score, System.Collections.Immutable.ImmutableSortedDictionary<string, int>.Empty) };
        var text = RevisionRenderer.Render("r1", environment, "ecu1").Find(new(OwnedFileKind.QmContainersConf, ""))!.Content;

        Assert.Equal(score, NestedDefault.Parse(text));
    });

    [Fact]
    public void ContainersConf_AnyOtherTables_ChangeNothingOfTheScore() => Gen.Select(Gen.Int[-1000, 1000], Word.Array[0, 4], Gen.Bool).Sample(static (score, names, first) =>
    {
        var table = string.Create(CultureInfo.InvariantCulture, $"[containers]\nnetns = \"host\"\ndefault_ulimits = [\n \"nofile=1:2\", # [containers]\n]\noom_score_adj = {score}\n");
        var others = string.Concat(names.Distinct().Select(name => $"[x.\"{name}\"]\noom_score_adj = 7\nenv = [\"oom_score_adj=8\"]\n"));

        Assert.Equal(score, NestedDefault.Parse(first ? table + others : others + table));
    });

    [Fact]
    public void ContainersConf_AnyDamage_IsANumberNoneOrNoToml()
    {
        var (damage, whole) = (new Damage(Seed), "[containers]\nnetns=\"host\"\ncgroup_conf=[\"memory.oom.group=1\",]\noom_score_adj = 750\n[network]\ndefault_subnet=\"10.89.0.0/16\"\n"u8.ToArray());
        for (var round = 0; round < Damaged; round++)
        {
            var text = Encoding.UTF8.GetString(damage.Do(whole));
            var exception = Record.Exception(() => { NestedDefault.Parse(text); });
            Assert.True(exception is null or ContainersConfException, $"QMFLEET_FUZZ_SEED={Seed}, round {round}: {exception}\n{text}");
        }
    }

    [Fact]
    public void MountTable_AnyMounts_AreReadBack() => Gen.Select(Point, Point, Word, Gen.Bool, Gen.Int[0, 3]).Array[0, 8].Sample(static mounts =>
    {
        var text = string.Concat(mounts.Select(static (mount, index) => string.Create(CultureInfo.InvariantCulture,
            $"{index + 30} 1 8:{index} {Escape(mount.Item2)} {Escape(mount.Item1)} {(mount.Item4 ? "ro" : "rw")},relatime {string.Concat(Enumerable.Repeat("shared:1 ", mount.Item5))}- {mount.Item3} none rw\n")));

        Assert.Equal(
            mounts.Select(static (mount, index) => new Mount(mount.Item1, string.Create(CultureInfo.InvariantCulture, $"8:{index}"), mount.Item2, mount.Item3, mount.Item4, "rw")),
            MountTable.Parse(text).Mounts);
    });

    [Fact]
    public void FlatKeyed_AnyCounters_AreReadBack() => Gen.Select(Word, Gen.Long[0, long.MaxValue]).Array[0, 12].Sample(static counters => Assert.Equal(
        counters.Select(static counter => KeyValuePair.Create(counter.Item1, counter.Item2)),
        KernelStatistics.FlatKeyed(string.Concat(counters.Select(static counter => $"{counter.Item1} {counter.Item2}\n")))));

    [Fact]
    public void Pressure_AnyShares_AreReadBack() => Gen.Select(Gen.Int[0, 10_000].Array[3], Gen.Long[0, long.MaxValue], Gen.Int[0, 10_000].Array[3], Gen.Long[0, long.MaxValue]).Sample(static (some, someTotal, full, fullTotal) =>
    {
        var pressure = KernelStatistics.ReadPressure($"some {Shares(some)} total={someTotal}\nfull {Shares(full)} total={fullTotal}\n")!;

        Assert.Equal((some[0] / 100.0, some[1] / 100.0, some[2] / 100.0, someTotal), (pressure.Some.Avg10, pressure.Some.Avg60, pressure.Some.Avg300, pressure.Some.TotalUs));
        Assert.Equal((full[0] / 100.0, full[1] / 100.0, full[2] / 100.0, fullTotal), (pressure.Full.Avg10, pressure.Full.Avg60, pressure.Full.Avg300, pressure.Full.TotalUs));

        static string Shares(int[] shares) => string.Create(CultureInfo.InvariantCulture, $"avg10={shares[0] / 100}.{shares[0] % 100:00} avg60={shares[1] / 100}.{shares[1] % 100:00} avg300={shares[2] / 100}.{shares[2] % 100:00}");
    });

    [Fact]
    public void Devices_AnyCounters_AreAddedUpAndNeverOverflow() => Gen.Select(Gen.Long[0, long.MaxValue], Gen.Long[0, 1000]).Array[0, 6].Sample(static devices =>
    {
        var text = string.Concat(devices.Select(static (device, index) => $"8:{index} rbytes={device.Item1} wbytes={device.Item2} rios=1\n"));

        Assert.Equal(devices.Sum(static device => device.Item2), KernelStatistics.SumOfDevices(text, "wbytes"));
        Assert.Equal(devices.Aggregate((Int128)0, static (sum, device) => sum + device.Item1) is var sum && sum > long.MaxValue ? long.MaxValue : (long)sum, KernelStatistics.SumOfDevices(text, "rbytes"));
    });

    // As mangle_path() does.
    private static string Escape(string path) => string.Concat(path.Select(static c => c is ' ' or '\t' or '\n' or '\\' or '#' ? "\\" + Convert.ToString(c, 8).PadLeft(3, '0') : c.ToString()));
}
