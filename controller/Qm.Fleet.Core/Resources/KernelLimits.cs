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
public static class KernelLimits
{
    private const ulong PageBytes = 4096;

    /// <summary>Compares one limit.</summary>
    /// <param name="property">Which.</param>
    /// <param name="wanted">The value wanted.</param>
    /// <param name="cgroup">File name to trimmed content; files that do not exist are absent.</param>
    /// <param name="machine">What percentages refer to.</param>
    public static ValueCheck Compare(ResourceProperty property, ResourceValue wanted, IReadOnlyDictionary<string, string> cgroup, MachineFacts machine)
    {
        var file = FileOf(property);
        if (!cgroup.TryGetValue(file, out var content))
        {
            return new(CheckResult.Unreadable, "", file, $"qm.service has no {file}: QM does not run, or the kernel lacks the controller");
        }

        var idle = property == ResourceProperty.CPUWeight && cgroup.GetValueOrDefault("cpu.idle") == "1";
        if (Read(property, content, idle) is not { } found)
        {
            return new(CheckResult.Unreadable, "", file, $"\"{content}\" is not understood");
        }

        return Same(property, wanted, found, machine)
            ? new(CheckResult.Pass, wanted is ResourceValue.Percent ? $"{found}" : found.ToString(), file, "")
            : new(CheckResult.Fail, found.ToString(), file, $"{file} holds \"{content}\"");
    }

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
        _ => "pids.max",
    };

    private static ResourceValue? Read(ResourceProperty property, string content, bool idle)
    {
        switch (property)
        {
            case ResourceProperty.CPUWeight when idle:
                return new ResourceValue.Idle();
            case ResourceProperty.AllowedCPUs:
                return content.Length == 0 ? new ResourceValue.Infinity() : CpuSet.TryParse(content, out var set) ? new ResourceValue.Cpus(set) : null;
            case ResourceProperty.CPUQuota:
                return Quota(content.Split(' '));
            case ResourceProperty.IOWeight:
                var line = content.Split('\n').FirstOrDefault(candidate => candidate.StartsWith("default ", StringComparison.Ordinal)) ?? content;
                return Number(line.Replace("default ", "", StringComparison.Ordinal)) is { } io ? new ResourceValue.Weight((int)io) : null;
        }

        return content == "max" ? new ResourceValue.Infinity()
            : Number(content) is not { } number ? null
            : property switch
            {
                ResourceProperty.CPUWeight => new ResourceValue.Weight((int)number),
                ResourceProperty.TasksMax => new ResourceValue.Count(number),
                _ => new ResourceValue.Bytes(number),
            };
    }

    private static ResourceValue? Quota(string[] parts) => parts switch
    {
        ["max", ..] => new ResourceValue.Infinity(),
        [var quota, var period] when Number(quota) is { } microseconds && Number(period) is > 0 and var length =>
            new ResourceValue.Quota((long)Math.Round(microseconds * 1_000_000m / length)),
        _ => null,
    };

    // The kernel keeps memory in whole pages, rounded down; systemd rounds percentages in its own way, by at most one unit.
    private static bool Same(ResourceProperty property, ResourceValue wanted, ResourceValue found, MachineFacts machine)
    {
        if (found is not ResourceValue.Bytes and not ResourceValue.Count)
        {
            return wanted == found;
        }

        var unit = property == ResourceProperty.TasksMax ? 1 : PageBytes;
        var left = LiveProperty.Amount(property, wanted, machine) / unit;
        var right = LiveProperty.Amount(property, found, machine) / unit;
        return wanted is ResourceValue.Percent ? Math.Max(left, right) - Math.Min(left, right) <= 1 : left == right;
    }

    private static ulong? Number(string text) =>
        ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
}
