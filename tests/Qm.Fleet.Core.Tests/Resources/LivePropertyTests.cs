using Qm.Fleet.Core.Resources;
using Xunit;
using static Qm.Fleet.Core.Resources.ResourceProperty;

namespace Qm.Fleet.Core.Tests.Resources;

[Trait("Requirement", "QMF-CORE-002")]
public sealed class LivePropertyTests
{
    private static readonly MachineFacts Machine = new(4L << 30, 20_000);

    [Theory]
    [InlineData(CPUWeight, "idle", "CPUWeight", 0UL)]
    [InlineData(CPUWeight, "50", "CPUWeight", 50UL)]
    [InlineData(CPUQuota, "60%", "CPUQuotaPerSecUSec", 600_000UL)]
    [InlineData(CPUQuota, "infinity", "CPUQuotaPerSecUSec", ulong.MaxValue)]
    [InlineData(MemoryHigh, "1536M", "MemoryHigh", 1_610_612_736UL)]
    [InlineData(MemoryHigh, "25%", "MemoryHigh", 1UL << 30)]
    [InlineData(MemoryMax, "infinity", "MemoryMax", ulong.MaxValue)]
    [InlineData(MemorySwapMax, "0", "MemorySwapMax", 0UL)]
    [InlineData(IOWeight, "50", "IOWeight", 50UL)]
    [InlineData(TasksMax, "50%", "TasksMax", 10_000UL)]
    public void From_Limit_IsTheNumberSystemdTakes(ResourceProperty property, string text, string name, ulong number) =>
        Assert.Equal(new(name, number, null), LiveProperty.From(property, Parse(property, text), Machine));

    [Theory]
    [InlineData("0-1,3", "0B")]
    [InlineData("8", "0001")]
    [InlineData("7,9", "8002")]
    public void From_Cpus_IsAMaskWithTheLowestIndexFirst(string text, string mask) =>
        Assert.Equal((mask, $"AllowedCPUs={text}"), LiveProperty.From(AllowedCPUs, Parse(AllowedCPUs, text), Machine) is var live ? (Convert.ToHexString(live.CpuMask!), live.ToString()) : default);

    [Theory]
    [InlineData("0-3", "0F")]
    [InlineData("0-8", "FF01")]
    public void From_AllCpus_NamesEachThatTheMachineHas(string online, string mask) => Assert.Equal(
        mask,
        Convert.ToHexString(LiveProperty.From(AllowedCPUs, new ResourceValue.Infinity(), Machine with { Cpus = ((ResourceValue.Cpus)Parse(AllowedCPUs, online)).Set }).CpuMask!));

    [Fact]
    public void From_AllCpusOfAnUnknownMachine_IsAnEmptyMask() =>
        Assert.Empty(LiveProperty.From(AllowedCPUs, new ResourceValue.Infinity(), Machine).CpuMask!);

    [Fact]
    public void From_Percentage_NeverUsesAScalePropertyAndNeverThrows() =>
        Assert.Equal(
            [new("MemoryMax", 0, null), new("TasksMax", 0, null)],
            new[] { MemoryMax, TasksMax }.Select(property => LiveProperty.From(property, new ResourceValue.Percent(5_000), new(-20_000, -20_000))));

    [Theory]
    [InlineData(IOReadBandwidthMax, "/dev/sda 50M, /var/qm infinity", "IOReadBandwidthMax=/dev/sda 50000000,/var/qm infinity")]
    [InlineData(ManagedOOMSwap, "kill", "ManagedOOMSwap=kill")]
    [InlineData(ManagedOOMMemoryPressureLimit, "60%", "ManagedOOMMemoryPressureLimit=60%")]
    // A real systemd 257 marked the cgroup with it only when something else of the cgroup was set in the same call, or later.
    [InlineData(ManagedOOMPreference, "omit", "ManagedOOMPreference=omit MemoryAccounting=yes")]
    public void Of_LimitThatIsNoNumber_IsWhatSystemdTakes(ResourceProperty property, string text, string told) =>
        Assert.Equal(told, string.Join(' ', LiveProperty.Of([KeyValuePair.Create(property, Parse(property, text))], Machine)));

    // As a real systemd 257 showed it: UINT32_MAX is all of it.
    [Theory]
    [InlineData("60%", 2_576_980_377u)]
    [InlineData("100%", uint.MaxValue)]
    [InlineData("0%", 0u)]
    public void From_MemoryPressure_IsAShareOf32Bits(string text, uint scale) =>
        Assert.Equal(scale, LiveProperty.From(ManagedOOMMemoryPressureLimit, Parse(ManagedOOMMemoryPressureLimit, text), Machine).Scale);

    private static ResourceValue Parse(ResourceProperty property, string text) =>
        ResourceValues.TryParse(property, text, out var value, out var problem) ? value : throw new ArgumentException(problem, nameof(text));
}
