using CsCheck;
using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Core.Resources;
using Xunit;
using static Qm.Fleet.Core.Resources.ResourceProperty;

namespace Qm.Fleet.Core.Tests.Resources;

[Trait("Requirement", "QMF-CORE-002")]
public sealed class KernelLimitsTests
{
    // The measured node: 3 GiB, of which systemd grants 23631 tasks; 50% of them were 11815 in pids.max.
    private static readonly MachineFacts Machine = new(3L << 30, 23_631);
    private static readonly Dictionary<string, string> Disks = new() { ["/dev/sda"] = "8:0", ["/dev/sdb"] = "8:16", ["/dev/null"] = "" };

    [Theory]
    [InlineData(CPUWeight, "50", "cpu.weight", "50", "50")]
    [InlineData(CPUQuota, "60%", "cpu.max", "60000 100000", "60%")]
    [InlineData(CPUQuota, "60%", "cpu.max", "6000 10000", "60%")]
    [InlineData(CPUQuota, "33.33%", "cpu.max", "2333 7000", "33.3286%")]
    [InlineData(CPUQuota, "0.01%", "cpu.max", "1000 1000000", "0.1%")]
    [InlineData(CPUQuota, "infinity", "cpu.max", "max 100000", "infinity")]
    [InlineData(AllowedCPUs, "2,3", "cpuset.cpus", "2-3", "2-3")]
    [InlineData(MemoryMin, "64M", "memory.min", "67108864", "64M")]
    [InlineData(MemoryLow, "64M", "memory.low", "67108864", "64M")]
    [InlineData(MemoryHigh, "1536M", "memory.high", "1610612736", "1536M")]
    [InlineData(MemoryMax, "10001", "memory.max", "8192", "8K")]
    [InlineData(MemoryMax, "infinity", "memory.max", "max", "infinity")]
    [InlineData(MemoryMax, "33.33%", "memory.max", "1073631232", "1048468K")]
    [InlineData(MemorySwapMax, "0", "memory.swap.max", "0", "0")]
    [InlineData(IOWeight, "50", "io.weight", "default 50", "50")]
    [InlineData(IOWeight, "50", "io.weight", "default 50\n8:0 100", "50")]
    [InlineData(TasksMax, "50%", "pids.max", "11815", "11815")]
    [InlineData(TasksMax, "4096", "pids.max", "4096", "4096")]
    public void Compare_KernelDoesWhatIsWanted_PassesInSystemdsWords(ResourceProperty property, string wanted, string file, string content, string found) =>
        Assert.Equal(new(CheckResult.Pass, found, file, ""), Compare(property, wanted, (file, content)));

    [Theory]
    [InlineData(CPUWeight, "50", "cpu.weight", "100", "100")]
    [InlineData(CPUQuota, "60%", "cpu.max", "59999 100000", "59.999%")]
    [InlineData(CPUQuota, "60%", "cpu.max", "60001 100000", "60.001%")]
    [InlineData(CPUQuota, "60%", "cpu.max", "max 100000", "infinity")]
    [InlineData(CPUQuota, "infinity", "cpu.max", "60000 100000", "60%")]
    [InlineData(AllowedCPUs, "2-3", "cpuset.cpus", "", "infinity")]
    [InlineData(MemoryMax, "8192", "memory.max", "4096", "4K")]
    [InlineData(MemoryMax, "3G", "memory.max", "max", "infinity")]
    [InlineData(MemoryMax, "50%", "memory.max", "max", "infinity")]
    [InlineData(MemoryMax, "50%", "memory.max", "1610604544", "1572856K")]
    [InlineData(IOWeight, "50", "io.weight", "default 100\n8:0 50", "100")]
    [InlineData(TasksMax, "50%", "pids.max", "11817", "11817")]
    [InlineData(TasksMax, "4096", "pids.max", "4097", "4097")]
    public void Compare_KernelDoesSomethingElse_FailsAndShowsTheFile(ResourceProperty property, string wanted, string file, string content, string found) =>
        Assert.Equal(new(CheckResult.Fail, found, file, $"{file} holds \"{content}\""), Compare(property, wanted, (file, content)));

    [Theory]
    [InlineData("idle", "1", "1", CheckResult.Pass, "idle", "cpu.idle")]
    [InlineData("idle", "0", "1", CheckResult.Pass, "idle", "cpu.idle")]
    [InlineData("idle", "1", "0", CheckResult.Fail, "1", "cpu.idle")]
    [InlineData("1", "1", "1", CheckResult.Fail, "idle", "cpu.idle")]
    [InlineData("1", "1", "0", CheckResult.Pass, "1", "cpu.weight")]
    public void Compare_CpuWeight_TellsIdleFromTheLowestWeight(string wanted, string weight, string idle, CheckResult result, string found, string source)
    {
        var check = Compare(CPUWeight, wanted, ("cpu.weight", weight), ("cpu.idle", idle));

        Assert.Equal((result, found, source), (check.Result, check.Found, check.Source));
    }

    [Theory]
    [InlineData(CPUWeight, "idle", "cpu.weight", "1", "no cpu.idle")]
    [InlineData(MemoryMax, "3G", "memory.high", "max", "no memory.max")]
    [InlineData(MemoryMax, "3G", "memory.max", "lots", "memory.max holds \"lots\"")]
    [InlineData(CPUWeight, "1", "cpu.weight", "4294967297", "not understood")]
    [InlineData(IOWeight, "1", "io.weight", "default 4294967297", "not understood")]
    [InlineData(IOWeight, "50", "io.weight", "8:0 50", "not understood")]
    [InlineData(CPUQuota, "60%", "cpu.max", "18446744073709551615 1", "not understood")]
    [InlineData(CPUQuota, "60%", "cpu.max", "60000 0", "not understood")]
    [InlineData(AllowedCPUs, "0", "cpuset.cpus", "0-", "not understood")]
    public void Compare_FileThatIsMissingOrSenseless_IsUnreadableWithTheReason(ResourceProperty property, string wanted, string file, string content, string reason)
    {
        var check = Compare(property, wanted, (file, content));

        Assert.Equal((CheckResult.Unreadable, ""), (check.Result, check.Found));
        Assert.Contains(reason, check.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    public void Compare_PercentageOfAnUnknownMachine_IsUnreadableAndNotZero(long unknown)
    {
        var check = KernelLimits.Compare(MemoryMax, Parse(MemoryMax, "50%"), new Dictionary<string, string> { ["memory.max"] = "0" }, new(unknown, unknown));

        Assert.Equal((CheckResult.Unreadable, "the node has not said what 50% is of"), (check.Result, check.Message));
    }

    [Fact]
    public void Compare_AnyContent_IsAVerdictAndNeverThrows() =>
        Gen.Select(
            Gen.Enum<ResourceProperty>(),
            Gen.OneOf("idle", "1", "60%", "3G", "infinity", "0-3", "/dev/sda 50M, /dev/sdb infinity"),
            Gen.OneOf(Gen.String, Gen.OneOf("max", "-1", "18446744073709551615", "18446744073709551615 1", "1 18446744073709551615", "default max", "99999999999999999999", "8:0 rbps=max", "8:0 rbps=", "8:0 rbps=-1 riops=99999999999999999999")),
            Gen.Long)
        .Sample((property, wanted, content, machine) =>
        {
            if (ResourceValues.TryParse(property, wanted, out var value, out _))
            {
                string[] files = ["io.max", "cpu.weight", "cpu.idle", "cpu.max", "cpuset.cpus", "memory.min", "memory.low", "memory.high", "memory.max", "memory.swap.max", "io.weight", "pids.max"];

                var check = KernelLimits.Compare(property, value, files.ToDictionary(file => file, _ => content), new(machine, machine) { Disks = Disks });

                Assert.Equal(check.Result == CheckResult.Pass, check.Message.Length == 0);
                Assert.Equal(check.Result == CheckResult.Unreadable, check.Found.Length == 0);
            }
        });

    // systemd's and the kernel's arithmetic, in their own integers: 1 ms of quota at least, in a period of 1 s at most.
    [Fact]
    public void Compare_QuotaAsSystemdWritesIt_PassesInEveryPeriod() =>
        Gen.Select(Gen.Long[1, 100_000], Gen.Long[1_000, 1_000_000]).Sample((permyriad, period) =>
        {
            var perSecond = permyriad * 100;
            var quota = Math.Max(perSecond * period / 1_000_000, 1_000);

            var check = KernelLimits.Compare(
                CPUQuota, new ResourceValue.Quota(perSecond), new Dictionary<string, string> { ["cpu.max"] = $"{quota} {period}" }, Machine);

            Assert.Equal(CheckResult.Pass, check.Result);
        });

    [Fact]
    public void Compare_SizeAsTheKernelKeepsIt_PassesAndOnePageMoreFails() =>
        Gen.ULong[4096, 1UL << 50].Sample(bytes =>
        {
            var kept = bytes / 4096 * 4096;

            CheckResult Result(ulong content) => KernelLimits.Compare(
                MemoryMax, new ResourceValue.Bytes(bytes), new Dictionary<string, string> { ["memory.max"] = $"{content}" }, Machine).Result;

            Assert.Equal(CheckResult.Pass, Result(kept));
            Assert.Equal(CheckResult.Fail, Result(kept + 4096));
        });

    private static ValueCheck Compare(ResourceProperty property, string wanted, params (string File, string Content)[] cgroup) =>
        KernelLimits.Compare(property, Parse(property, wanted), cgroup.ToDictionary(entry => entry.File, entry => entry.Content), Machine);

    private static ResourceValue Parse(ResourceProperty property, string text) =>
        ResourceValues.TryParse(property, text, out var value, out var problem) ? value : throw new ArgumentException(problem, nameof(text));

    [Theory]
    [InlineData("", CheckResult.Pass)]
    [InlineData("0-3", CheckResult.Pass)]
    [InlineData("0-7", CheckResult.Pass)]
    [InlineData("0-2", CheckResult.Fail)]
    [InlineData("3", CheckResult.Fail)]
    public void Compare_NoLimitOnCpus_IsEveryCpuThereIs(string content, CheckResult expected)
    {
        Assert.True(CpuSet.TryParse("0-3", out var online));

        var check = KernelLimits.Compare(
            AllowedCPUs, new ResourceValue.Infinity(), new Dictionary<string, string> { ["cpuset.cpus"] = content }, Machine with { Cpus = online });

        Assert.Equal(expected, check.Result);
    }

    [Theory]
    [InlineData(IOReadBandwidthMax, "/dev/sda 50M", "8:0 rbps=50000000 wbps=max riops=max wiops=max", CheckResult.Pass, "/dev/sda 50M", "")]
    [InlineData(IOReadBandwidthMax, "/dev/sda 50M", "18:0 rbps=50000000 wbps=max riops=max wiops=max", CheckResult.Fail, "/dev/sda infinity", "io.max has no line for /dev/sda, which is disk 8:0")]
    [InlineData(IOReadBandwidthMax, "/dev/sda 50M", "8:0 rbps=max wbps=50000000 riops=max wiops=max", CheckResult.Fail, "/dev/sda infinity", "io.max holds \"8:0 rbps=max wbps=50000000 riops=max wiops=max\" for /dev/sda")]
    [InlineData(IOWriteIOPSMax, "/dev/sda 50, /dev/sdb 60", "8:0 rbps=max wbps=max riops=max wiops=50\n8:16 rbps=max wbps=max riops=max wiops=61", CheckResult.Fail, "/dev/sda 50, /dev/sdb 61", "io.max holds \"8:16 rbps=max wbps=max riops=max wiops=61\" for /dev/sdb")]
    [InlineData(IOReadIOPSMax, "/dev/sda infinity", "", CheckResult.Pass, "/dev/sda infinity", "")]
    [InlineData(IOReadIOPSMax, "/dev/sda infinity", "8:0 rbps=max wbps=max riops=5 wiops=max", CheckResult.Fail, "/dev/sda 5", "io.max holds \"8:0 rbps=max wbps=max riops=5 wiops=max\" for /dev/sda")]
    [InlineData(IOReadIOPSMax, "/dev/null infinity", "", CheckResult.Pass, "", "")]
    public void Compare_LimitsOfDevices_ReadsTheLinesOfTheirDisks(ResourceProperty property, string wanted, string content, CheckResult result, string found, string message)
    {
        var check = KernelLimits.Compare(property, Parse(property, wanted), new Dictionary<string, string> { ["io.max"] = content }, Machine with { Disks = Disks });

        Assert.Equal(new(result, found, "io.max", message), check);
    }

    [Theory]
    [InlineData("/dev/sdz 5", "the node has not said which disk /dev/sdz is on")]
    [InlineData("/dev/null 5", "/dev/null leads to no disk of this node")]
    [InlineData("/dev/sda 5", "io.max holds \"8:0 riops=lots\", which is not understood")]
    public void Compare_DeviceOfWhichNothingIsKnown_IsUnreadableWithTheReason(string wanted, string reason)
    {
        var check = KernelLimits.Compare(IOReadIOPSMax, Parse(IOReadIOPSMax, wanted), new Dictionary<string, string> { ["io.max"] = "8:0 riops=lots" }, Machine with { Disks = Disks });

        Assert.Equal(CheckResult.Unreadable, check.Result);
        Assert.Contains(reason, check.Message, StringComparison.Ordinal);
    }
}
