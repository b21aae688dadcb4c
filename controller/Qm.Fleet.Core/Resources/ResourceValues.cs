using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Qm.Fleet.Core.Resources;

/// <summary>Reads limits in systemd's grammar.</summary>
public static class ResourceValues
{
    private const string Infinity = "infinity";
    private const string SizeForm = "bytes, K, M, G, T, % or infinity";

    // PID_MAX_LIMIT: pids.max takes nothing above it but "max".
    private const uint MostTasks = 4_194_304;

    /// <summary>Reads the text of one limit.</summary>
    /// <param name="property">Which limit.</param>
    /// <param name="text">Its text, as in a unit file.</param>
    /// <param name="value">The value; null when the text is none.</param>
    /// <param name="problem">What is wrong and what was expected; null when nothing is.</param>
    public static bool TryParse(
        ResourceProperty property, string text, [NotNullWhen(true)] out ResourceValue? value, [NotNullWhen(false)] out string? problem)
    {
        (value, problem) = property switch
        {
            ResourceProperty.CPUWeight => Weight(text, idle: true),
            ResourceProperty.IOWeight => Weight(text, idle: false),
            ResourceProperty.CPUQuota => Quota(text),
            ResourceProperty.AllowedCPUs => Cpus(text),
            ResourceProperty.TasksMax => Tasks(text),
            ResourceProperty.ManagedOOMSwap or ResourceProperty.ManagedOOMMemoryPressure => Word(text, "auto", "kill"),
            ResourceProperty.ManagedOOMPreference => Word(text, "none", "avoid", "omit"),
            ResourceProperty.ManagedOOMMemoryPressureLimit => Pressure(text),
            _ when property.IsPerDevice() => Devices(property, text),
            ResourceProperty.MemoryHigh or ResourceProperty.MemoryMax => Size(text) is (ResourceValue.Bytes { Value: 0 } or ResourceValue.Percent { Permyriad: 0 }, _)
                ? (null, $"\"{text}\" leaves QM no memory, and systemd ignores it; {property} is above 0")
                : Size(text),
            _ => Size(text),
        };
        return value is not null;
    }

    /// <summary>What a unit file has to assign to the key of a limit, in order, so that it holds whatever stands in front of it.</summary>
    /// <remarks>A CPU quota or set of CPUs without limit is an empty value; systemd joins the CPUs of several assignments, so an empty one goes first.</remarks>
    public static IEnumerable<string> Assignments(ResourceProperty property, ResourceValue value) => (property, value) switch
    {
        (ResourceProperty.CPUQuota or ResourceProperty.AllowedCPUs, ResourceValue.Infinity) => [""],
        (ResourceProperty.AllowedCPUs, _) => ["", value.ToString()],
        (_, ResourceValue.Devices devices) => devices.Limits.Entries,
        _ => [value.ToString()],
    };

    /// <summary>systemd's own default of a limit, which holds where no file says otherwise.</summary>
    /// <remarks>Of TasksMax it is what DefaultTasksMax= is where no system.conf changes it.</remarks>
    public static ResourceValue DefaultOf(ResourceProperty property) => property switch
    {
        ResourceProperty.CPUWeight or ResourceProperty.IOWeight => new ResourceValue.Weight(100),
        ResourceProperty.MemoryMin or ResourceProperty.MemoryLow => new ResourceValue.Bytes(0),
        ResourceProperty.TasksMax => new ResourceValue.Percent(1_500),
        ResourceProperty.ManagedOOMSwap or ResourceProperty.ManagedOOMMemoryPressure => new ResourceValue.Word("auto"),
        ResourceProperty.ManagedOOMMemoryPressureLimit => new ResourceValue.Percent(0),
        ResourceProperty.ManagedOOMPreference => new ResourceValue.Word("none"),
        _ => new ResourceValue.Infinity(),
    };

    private static (ResourceValue?, string?) Weight(string text, bool idle) =>
        idle && text == "idle" ? (new ResourceValue.Idle(), null)
        : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var weight) && weight is >= 1 and <= 10_000
            ? (new ResourceValue.Weight(weight), null)
            : (null, $"\"{text}\" is not a weight; expected {(idle ? "idle, or " : "")}1 to 10000");

    private static (ResourceValue?, string?) Quota(string text) =>
        text == Infinity ? (new ResourceValue.Infinity(), null)
        : Percentage(text, out var percent) && percent is > 0 and <= 1_000_000
            ? (new ResourceValue.Quota((long)(percent * 10_000m)), null)
            : (null, $"\"{text}\" is not a CPU quota; expected per cent of one CPU such as 60%, or infinity");

    private static (ResourceValue?, string?) Cpus(string text) =>
        CpuSet.TryParse(text, out var set)
            ? (new ResourceValue.Cpus(set), null)
            : (null, $"\"{text}\" is not a set of CPUs; expected indices and ranges such as 0,2-3");

    private static (ResourceValue?, string?) Devices(ResourceProperty property, string text) =>
        DeviceLimits.TryParse(property, text, out var limits, out var problem) ? (new ResourceValue.Devices(limits), null) : (null, problem);

    private static (ResourceValue?, string?) Word(string text, params string[] words) =>
        words.Contains(text) ? (new ResourceValue.Word(text), null) : (null, $"\"{text}\" is not one of {string.Join(", ", words)}");

    private static (ResourceValue?, string?) Pressure(string text) =>
        Percentage(text, out var percent) && percent <= 100 ? (new ResourceValue.Percent((int)(percent * 100m)), null)
            : (null, $"\"{text}\" is not a memory pressure; expected per cent such as 60%");

    private static (ResourceValue?, string?) Tasks(string text) =>
        text == Infinity ? (new ResourceValue.Infinity(), null)
        : Percentage(text, out var percent) && percent is > 0 and <= 100 ? (new ResourceValue.Percent((int)(percent * 100m)), null)
        : uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count is > 0 and <= MostTasks ? (new ResourceValue.Count(count), null)
        : (null, $"\"{text}\" is not a number of tasks; expected 1 to {MostTasks}, % or infinity");

    private static (ResourceValue?, string?) Size(string text) =>
        text == Infinity ? (new ResourceValue.Infinity(), null)
        : Percentage(text, out var percent) && percent is >= 0 and <= 100 ? (new ResourceValue.Percent((int)(percent * 100m)), null)
        : Sizes.TryParse(text, out var bytes) ? (new ResourceValue.Bytes(bytes), null)
        : (null, $"\"{text}\" is not a size; expected {SizeForm}");

    private static bool Percentage(string text, out decimal percent)
    {
        percent = 0;
        return text is [>= '0' and <= '9', .., >= '0' and <= '9', '%'] or [>= '0' and <= '9', '%']
            && decimal.TryParse(text.AsSpan(0, text.Length - 1), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out percent)
            && percent == decimal.Round(percent, 2);
    }
}
