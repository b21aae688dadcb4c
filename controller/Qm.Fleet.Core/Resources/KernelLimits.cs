using System.Globalization;
using Qm.Fleet.Core.Reconcile;

namespace Qm.Fleet.Core.Resources;

/// <summary>What the kernel was found to do, against a limit that was wanted.</summary>
/// <param name="Result">Pass, Fail or Unreadable.</param>
/// <param name="Found">What was found, in systemd's words; empty when unreadable.</param>
/// <param name="Source">The cgroup file.</param>
/// <param name="Message">Why, when it did not pass.</param>
public sealed record ValueCheck(CheckResult Result, string Found, string Source, string Message);

/// <summary>Compares limits with the files of a version 2 cgroup; a daemon-reload changes what systemd says, only these say what is so.</summary>
/// <remarks>What the files hold comes from a node: whatever it is, it becomes a verdict and never an exception.</remarks>
public static class KernelLimits
{
    private const string IdleFile = "cpu.idle";
    private const ulong PageBytes = 4096;

    // systemd writes no quota below 1 ms in a period.
    private const decimal LeastQuota = 1_000;

    /// <summary>Compares one limit.</summary>
    /// <remarks>
    /// Memory is compared in pages, because the kernel rounds down to them; a percentage may be one page or one task off, because
    /// systemd rounds it in its own way; a quota is compared as the whole microseconds it has in the period found.
    /// </remarks>
    /// <param name="property">Which.</param>
    /// <param name="wanted">The value wanted.</param>
    /// <param name="cgroup">File name to trimmed content; files that do not exist are absent.</param>
    /// <param name="machine">What percentages and devices refer to; a fact that is not above 0 is unknown.</param>
    public static ValueCheck Compare(ResourceProperty property, ResourceValue wanted, IReadOnlyDictionary<string, string> cgroup, MachineFacts machine)
    {
        if (wanted is ResourceValue.Devices devices)
        {
            return DiskLimits.Compare(property, devices.Limits, cgroup, machine.Disks);
        }

        var isIdle = property == ResourceProperty.CPUWeight && cgroup.GetValueOrDefault(IdleFile) == "1";
        var file = isIdle || wanted is ResourceValue.Idle ? IdleFile : FileOf(property);
        if (!cgroup.TryGetValue(file, out var content))
        {
            return Unreadable($"qm.service has no {file}: QM does not run, or the kernel lacks the controller");
        }

        // An idle group has no weight that counts; one that is not idle has its weight in a file of its own.
        var found = isIdle ? new ResourceValue.Idle() : Read(property, cgroup.GetValueOrDefault(FileOf(property), ""));
        if (found is null)
        {
            return Unreadable($"{FileOf(property)} holds \"{cgroup.GetValueOrDefault(FileOf(property), "")}\", which is not understood");
        }

        if (wanted is ResourceValue.Percent && machine.Whole(property) <= 0)
        {
            return Unreadable($"the node has not said what {wanted} is of");
        }

        return Same(property, wanted, found, content, machine)
            ? new(CheckResult.Pass, found.ToString(), file, "")
            : new(CheckResult.Fail, found.ToString(), file, $"{file} holds \"{content}\"");

        ValueCheck Unreadable(string why) => new(CheckResult.Unreadable, "", file, why);
    }

    /// <summary>What the kernel has of a limit in its own words, with the cgroup file that says so; <c>idle</c> for a group that has no weight, null when it does not tell.</summary>
    /// <param name="property">Which.</param>
    /// <param name="cgroup">File name to trimmed content; files that do not exist are absent.</param>
    public static (string Content, string File)? Find(ResourceProperty property, IReadOnlyDictionary<string, string> cgroup) =>
        property == ResourceProperty.CPUWeight && cgroup.GetValueOrDefault(IdleFile) == "1" ? (new ResourceValue.Idle().ToString(), IdleFile)
        // What systemd-oomd does is none of the kernel's business.
        : !property.IsManagedOom() && cgroup.TryGetValue(FileOf(property), out var content) ? (content, FileOf(property))
        : null;

    private static string FileOf(ResourceProperty property) => property switch
    {
        ResourceProperty.CPUWeight => "cpu.weight",
        ResourceProperty.CPUQuota => "cpu.max",
        ResourceProperty.AllowedCPUs => "cpuset.cpus",
        ResourceProperty.MemoryMin => "memory.min",
        ResourceProperty.MemoryLow => "memory.low",
        ResourceProperty.MemoryHigh => "memory.high",
        ResourceProperty.MemoryMax => "memory.max",
        ResourceProperty.MemorySwapMax => "memory.swap.max",
        ResourceProperty.IOWeight => "io.weight",
        _ when property.IsPerDevice() => "io.max",
        _ => "pids.max",
    };

    private static ResourceValue? Read(ResourceProperty property, string content) => property switch
    {
        ResourceProperty.CPUWeight => Weight(content),
        ResourceProperty.IOWeight => Weight(DefaultOf(content)),
        ResourceProperty.AllowedCPUs when content.Length == 0 => new ResourceValue.Infinity(),
        ResourceProperty.AllowedCPUs => CpuSet.TryParse(content, out var set) ? new ResourceValue.Cpus(set) : null,
        ResourceProperty.CPUQuota when content.Split(' ') is ["max", ..] => new ResourceValue.Infinity(),
        ResourceProperty.CPUQuota => Quota(content) is var (quota, period) ? new ResourceValue.Quota((long)Math.Round(quota * 1_000_000m / period)) : null,
        _ when content == "max" => new ResourceValue.Infinity(),
        _ => Number(content) is not { } number ? null
            : property == ResourceProperty.TasksMax ? new ResourceValue.Count(number)
            : new ResourceValue.Bytes(number),
    };

    // io.weight also lists devices, each on a line of its own.
    private static string DefaultOf(string content) =>
        content.Split('\n').FirstOrDefault(line => line.StartsWith("default ", StringComparison.Ordinal)) is { } line ? line["default ".Length..] : content;

    private static ResourceValue.Weight? Weight(string content) => Number(content) is { } number and <= 10_000 ? new((int)number) : null;

    // The kernel's own bounds: a period of at most 1 s, a quota of at most 2^44 us.
    private static (decimal Quota, decimal Period)? Quota(string content) =>
        content.Split(' ') is [var quota, var period] && Number(quota) is { } microseconds and <= 1UL << 44 && Number(period) is { } length and > 0 and <= 1_000_000
            ? (microseconds, length)
            : null;

    private static bool Same(ResourceProperty property, ResourceValue wanted, ResourceValue found, string content, MachineFacts machine)
    {
        if (wanted is ResourceValue.Quota share && Quota(content) is var (quota, period))
        {
            return quota == Math.Max(decimal.Floor(share.MicrosecondsPerSecond * period / 1_000_000m), LeastQuota);
        }

        // Every CPU by name is no limit either.
        if (wanted is ResourceValue.Infinity && found is ResourceValue.Cpus cpus)
        {
            return machine.Cpus is { } online && online.Indices.IsSubsetOf(cpus.Set.Indices);
        }

        if (found is not ResourceValue.Bytes and not ResourceValue.Count)
        {
            return wanted == found;
        }

        var unit = found is ResourceValue.Count ? 1 : PageBytes;
        var left = LiveProperty.Amount(property, wanted, machine) / unit;
        var right = LiveProperty.Amount(property, found, machine) / unit;
        return wanted is ResourceValue.Percent ? Math.Max(left, right) - Math.Min(left, right) <= 1 : left == right;
    }

    private static ulong? Number(string text) =>
        ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
}
