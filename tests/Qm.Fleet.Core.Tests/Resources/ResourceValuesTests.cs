using System.Collections.Immutable;
using CsCheck;
using Qm.Fleet.Core.Resources;
using Qm.Fleet.Core.Tests.Units;
using Xunit;
using static Qm.Fleet.Core.Resources.ResourceProperty;

namespace Qm.Fleet.Core.Tests.Resources;

[Trait("Requirement", "QMF-CORE-002")]
public sealed class ResourceValuesTests
{
    // Texts around what systemd's grammar knows, right and wrong ones alike.
    private static readonly Gen<(ResourceProperty Property, string Text)> Declared = Gen.Select(
        Gen.Enum<ResourceProperty>(),
        Gen.OneOf(
            Gen.OneOf("auto", "kill", "none", "avoid", "omit", "/dev/sda 50M", "/dev/sda 1.5K, /var/qm infinity", "/dev/sda", "/dev//sda 1", "/dev/sda 0", "/a/../b 1", "/dev/s%a 1", "sda 1", "infinity", "idle", "", "0", "1", "10000", "10001", "4194304", "4194305", "18446744073709551615", "0-3", "0,2-3", "0 1 3", "3-1", "8191", "8192", "max", "-1", "x"),
            Gen.Select(Gen.OneOf("0", "1", "1.5", "33.33", "33.333", "0.01", "0.001", "100", "101", "2048", "1000000", ".5", "5.", "007"), Gen.OneOf("", "%", "K", "M", "G", "T", "P", "E", "k", "B", "Q", " M"), (number, unit) => number + unit)));

    [Theory]
    [InlineData(CPUWeight, "idle", "idle")]
    [InlineData(CPUWeight, "10000", "10000")]
    [InlineData(CPUQuota, "60%", "60%")]
    [InlineData(CPUQuota, "250.50%", "250.5%")]
    [InlineData(CPUQuota, "infinity", "infinity")]
    [InlineData(AllowedCPUs, "0-1,3", "0-1,3")]
    [InlineData(AllowedCPUs, "3 1 0", "0-1,3")]
    [InlineData(AllowedCPUs, "1-2,2-4", "1-4")]
    [InlineData(MemoryMax, "1536M", "1536M")]
    [InlineData(MemoryMax, "3072M", "3G")]
    [InlineData(MemoryMax, "1.5G", "1536M")]
    [InlineData(MemoryMax, "500B", "500")]
    [InlineData(MemoryMax, "12.50%", "12.5%")]
    [InlineData(MemorySwapMax, "0", "0")]
    [InlineData(MemoryMin, "infinity", "infinity")]
    [InlineData(IOWeight, "50", "50")]
    [InlineData(TasksMax, "50%", "50%")]
    [InlineData(TasksMax, "4096", "4096")]
    [InlineData(IOReadBandwidthMax, "/dev/sda 50M", "/dev/sda 50M")]
    [InlineData(IOReadBandwidthMax, "/dev/sda  50000000", "/dev/sda 50M")]
    [InlineData(IOWriteBandwidthMax, "/var/qm 1.5K, /dev/sda infinity", "/dev/sda infinity, /var/qm 1500")]
    [InlineData(IOReadIOPSMax, "/dev/disk/by-id/nvme-eui.0025_1 50", "/dev/disk/by-id/nvme-eui.0025_1 50")]
    [InlineData(IOWriteIOPSMax, "/dev/sda 4294967294", "/dev/sda 4294967294")]
    [InlineData(ManagedOOMSwap, "kill", "kill")]
    [InlineData(ManagedOOMMemoryPressure, "auto", "auto")]
    [InlineData(ManagedOOMMemoryPressureLimit, "60.50%", "60.5%")]
    [InlineData(ManagedOOMPreference, "omit", "omit")]
    public void TryParse_TextOfSystemd_IsWrittenInOneWay(ResourceProperty property, string text, string canonical) =>
        Assert.Equal(canonical, Parse(property, text).ToString());

    [Theory]
    [InlineData(MemoryMax, "3Q", "\"3Q\" is not a size; expected bytes, K, M, G, T, % or infinity")]
    [InlineData(MemoryMax, "", "\"\" is not a size; expected bytes, K, M, G, T, % or infinity")]
    [InlineData(MemoryMax, "-1", "\"-1\" is not a size; expected bytes, K, M, G, T, % or infinity")]
    [InlineData(MemoryMax, "101%", "\"101%\" is not a size; expected bytes, K, M, G, T, % or infinity")]
    [InlineData(MemoryMax, ".5%", "\".5%\" is not a size; expected bytes, K, M, G, T, % or infinity")]
    [InlineData(MemoryMax, ".5G", "\".5G\" is not a size; expected bytes, K, M, G, T, % or infinity")]
    [InlineData(MemoryMax, "8E", "\"8E\" is not a size; expected bytes, K, M, G, T, % or infinity")]
    [InlineData(MemoryMax, "0", "\"0\" leaves QM no memory, and systemd ignores it; MemoryMax is above 0")]
    [InlineData(MemoryHigh, "0%", "\"0%\" leaves QM no memory, and systemd ignores it; MemoryHigh is above 0")]
    [InlineData(CPUWeight, "0", "\"0\" is not a weight; expected idle, or 1 to 10000")]
    [InlineData(IOWeight, "idle", "\"idle\" is not a weight; expected 1 to 10000")]
    [InlineData(CPUQuota, "60", "\"60\" is not a CPU quota; expected per cent of one CPU such as 60%, or infinity")]
    [InlineData(CPUQuota, "0%", "\"0%\" is not a CPU quota; expected per cent of one CPU such as 60%, or infinity")]
    [InlineData(AllowedCPUs, "3-1", "\"3-1\" is not a set of CPUs; expected indices and ranges such as 0,2-3")]
    [InlineData(AllowedCPUs, "8192", "\"8192\" is not a set of CPUs; expected indices and ranges such as 0,2-3")]
    [InlineData(TasksMax, "1K", "\"1K\" is not a number of tasks; expected 1 to 4194304, % or infinity")]
    [InlineData(TasksMax, "4194305", "\"4194305\" is not a number of tasks; expected 1 to 4194304, % or infinity")]
    [InlineData(IOReadBandwidthMax, "/dev/sda", "\"/dev/sda\" is not a device and its limit; expected such as /dev/sda 50M")]
    [InlineData(IOReadBandwidthMax, "sda 5M", "\"sda 5M\": sda is not an absolute path")]
    [InlineData(IOReadBandwidthMax, "/dev/sda 5Q", "\"/dev/sda 5Q\": \"5Q\" is not a limit; expected bytes a second with K, M, G or T (powers of 1000), or infinity")]
    [InlineData(IOReadIOPSMax, "/dev/sda 4294967295", "\"/dev/sda 4294967295\": \"4294967295\" is not a limit; expected operations a second with K, M, G or T (powers of 1000), or infinity")]
    [InlineData(IOWriteIOPSMax, "/dev/sda 0", "\"/dev/sda 0\" lets QM do no I/O at all, and the kernel refuses it; a limit is above 0")]
    [InlineData(IOWriteBandwidthMax, "/dev//sda 1K", "\"/dev//sda 1K\": /dev//sda is not in its shortest form: no //, no . or .., no / at the end")]
    [InlineData(IOWriteBandwidthMax, "/dev/%i 1K", "\"/dev/%i 1K\": /dev/%i has other characters than letters, digits and /._:+@=~-")]
    [InlineData(ManagedOOMSwap, "omit", "\"omit\" is not one of auto, kill")]
    [InlineData(ManagedOOMPreference, "kill", "\"kill\" is not one of none, avoid, omit")]
    [InlineData(ManagedOOMMemoryPressureLimit, "60", "\"60\" is not a memory pressure; expected per cent such as 60%")]
    public void TryParse_TextThatSystemdOrTheKernelRefuses_SaysWhatWasExpected(ResourceProperty property, string text, string expected)
    {
        Assert.False(ResourceValues.TryParse(property, text, out _, out var problem));
        Assert.Equal(expected, problem);
    }

    [Theory]
    [InlineData(MemoryMax, "2048M", "2G", true)]
    [InlineData(MemoryMax, "2147483648", "2G", true)]
    [InlineData(MemoryMax, "50.0%", "50%", true)]
    [InlineData(MemoryMax, "100%", "infinity", false)]
    [InlineData(AllowedCPUs, "0,1,2", "0-2", true)]
    [InlineData(CPUQuota, "60%", "60.00%", true)]
    [InlineData(CPUQuota, "60%", "60.01%", false)]
    [InlineData(CPUWeight, "idle", "1", false)]
    public void Equals_TwoTexts_CompareByWhatTheyMean(ResourceProperty property, string left, string right, bool same)
    {
        Assert.Equal(same, Parse(property, left) == Parse(property, right));
        Assert.Equal(same, Parse(property, left).ToString() == Parse(property, right).ToString());
    }

    [Fact]
    public void TryParse_AnyText_IsAValueOrASentenceAndNeverThrows() =>
        Gen.OneOf(Declared, Gen.Select(Gen.Enum<ResourceProperty>(), Gen.String)).Sample((property, text) =>
        {
            var parsed = ResourceValues.TryParse(property, text, out var value, out var problem);

            Assert.Equal(parsed, value is not null);
            Assert.Equal(parsed, problem is null);
            // Of several devices the one that is wrong is told.
            Assert.True(parsed || problem!.StartsWith(property.IsPerDevice() ? "\"" : $"\"{text}\"", StringComparison.Ordinal));
        });

    [Fact]
    public void TryParse_CanonicalText_IsTheSameValue() =>
        Declared.Sample((property, text) =>
        {
            if (ResourceValues.TryParse(property, text, out var value, out _))
            {
                Assert.Equal(value, Parse(property, value.ToString()));
            }
        });

    [Fact]
    public void Bytes_AnySize_IsWrittenAndReadBackUnchanged() =>
        Gen.OneOf(Gen.ULong[1, (1UL << 63) - 1], Gen.Select(Gen.ULong[1, 7], Gen.Int[0, 60], (number, shift) => number << shift))
            .Sample(bytes => Assert.Equal(new ResourceValue.Bytes(bytes), Parse(MemoryMax, new ResourceValue.Bytes(bytes).ToString())));

    [Fact]
    public void Devices_AnyLimits_AreWrittenAndReadBackUnchanged() =>
        Gen.Select(Gen.OneOf("/dev/sda", "/dev/disk/by-label/qm_var", "/var/qm", "/"), Gen.OneOf(Gen.ULong[1, (1UL << 63) - 1], Gen.Select(Gen.ULong[1, 9], Gen.Int[0, 18], (number, power) => number * (ulong)Math.Pow(10, power)), Gen.Const(DeviceLimits.Infinity)))
            .Array[1, 4].Sample(entries =>
            {
                var limits = new ResourceValue.Devices(new(entries.GroupBy(entry => entry.Item1).ToImmutableSortedDictionary(entry => entry.Key, entry => entry.Last().Item2)));

                Assert.Equal(limits, Parse(IOReadBandwidthMax, limits.ToString()));
            });

    [Fact]
    public void FromScale_AnyShare_IsThePerCentItWasMadeOf() =>
        Gen.Int[0, 10_000].Sample(permyriad => Assert.Equal(permyriad, ManagedOom.FromScale(ManagedOom.ToScale(permyriad))));

    [Fact]
    public void ToMask_AnyCpus_HasOneBitForEach() =>
        Gen.Int[0, 200].Array[1, 20].Sample(cpus =>
        {
            Assert.True(CpuSet.TryParse(string.Join(',', cpus), out var set));

            var mask = set.ToMask();

            Assert.Equal(cpus.Distinct().Order(), set.Indices.Order());
            Assert.Equal(set.Indices.Order(), Enumerable.Range(0, mask.Length * 8).Where(index => (mask[index / 8] >> (index % 8) & 1) == 1));
            Assert.NotEqual(0, mask[^1]);
        });

    // What we take, the machine's systemd must take: as it was written, and as we write it.
    [Fact]
    public void TryParse_AnyTextItTakes_TheRealSystemdTakesToo() =>
        Declared.Array[150].Sample(
            declared =>
            {
                var lines = new List<string> { "[Service]" };
                foreach (var (property, text) in declared)
                {
                    if (ResourceValues.TryParse(property, text, out var value, out _))
                    {
                        lines.AddRange(ResourceValues.Assignments(property, value).Select(assignment => $"{property}={assignment}"));
                        lines.AddRange((value is ResourceValue.Infinity or ResourceValue.Devices ? ResourceValues.Assignments(property, value) : [text]).Select(assignment => $"{property}={assignment}"));
                    }
                }

                Assert.Empty(SystemdAnalyze.Judge(string.Join('\n', lines)).Select(complaint => $"{lines[complaint.Line - 1]}: {complaint.Message}"));
            },
            iter: 5, threads: 1);

    [Theory]
    [InlineData(CPUQuota, "infinity")]
    [InlineData(AllowedCPUs, "infinity")]
    [InlineData(MemoryMax, "0")]
    [InlineData(MemoryHigh, "0%")]
    [InlineData(TasksMax, "1K")]
    [InlineData(MemoryMax, "33.333%")]
    [InlineData(AllowedCPUs, "8192")]
    [InlineData(IOWeight, "idle")]
    [InlineData(IOReadBandwidthMax, "/dev/sda 5Q")]
    [InlineData(IOReadBandwidthMax, "/dev/sda")]
    [InlineData(ManagedOOMSwap, "omit")]
    [InlineData(ManagedOOMPreference, "kill")]
    [InlineData(ManagedOOMMemoryPressureLimit, "60")]
    public void UnitFile_TextThatIsRefusedHere_TheRealSystemdRefusesToo(ResourceProperty property, string text) =>
        Assert.Equal([2], SystemdAnalyze.Judge($"[Service]\n{property}={text}").Select(complaint => complaint.Line));

    [Fact]
    public void Assignments_NoLimit_AreTheWordWhereSystemdKnowsItAndEmptyElsewhere() =>
        Assert.Equal(
            ["AllowedCPUs=", "CPUQuota=", "MemoryMax=infinity", "TasksMax=infinity"],
            new[] { AllowedCPUs, CPUQuota, MemoryMax, TasksMax }.Select(property => $"{property}={Assert.Single(ResourceValues.Assignments(property, new ResourceValue.Infinity()))}"));

    [Fact]
    public void Assignments_WhereSystemdJoinsSeveral_ResetCpusAndNameEachDevice() =>
        Assert.Equal(
            ["", "2-3", "/dev/sda 50M", "/dev/sdb infinity"],
            [.. ResourceValues.Assignments(AllowedCPUs, Parse(AllowedCPUs, "2-3")), .. ResourceValues.Assignments(IOReadBandwidthMax, Parse(IOReadBandwidthMax, "/dev/sdb infinity, /dev/sda 50M"))]);

    [Theory]
    [InlineData(CPUWeight, "100")]
    [InlineData(CPUQuota, "infinity")]
    [InlineData(AllowedCPUs, "infinity")]
    [InlineData(MemoryMin, "0")]
    [InlineData(MemoryLow, "0")]
    [InlineData(MemoryHigh, "infinity")]
    [InlineData(MemoryMax, "infinity")]
    [InlineData(MemorySwapMax, "infinity")]
    [InlineData(IOWeight, "100")]
    [InlineData(TasksMax, "15%")]
    [InlineData(ManagedOOMSwap, "auto")]
    [InlineData(ManagedOOMMemoryPressureLimit, "0%")]
    [InlineData(ManagedOOMPreference, "none")]
    public void DefaultOf_Property_IsSystemdsOwn(ResourceProperty property, string text) => Assert.Equal(text, ResourceValues.DefaultOf(property).ToString());

    private static ResourceValue Parse(ResourceProperty property, string text) =>
        ResourceValues.TryParse(property, text, out var value, out var problem) ? value : throw new ArgumentException(problem, nameof(text));
}
