using Qm.Fleet.Core.Resources;
using Qm.Fleet.Core.Units;

namespace Qm.Fleet.Agent.Evidence;

/// <summary>The keys of qm.service's [Service] section that the fleet manages.</summary>
internal static class ResourceControl
{
    // What the kernel keeps when the key goes away: these need an explicit infinity to be relaxed.
    private static readonly string[] CgroupKeys = Enum.GetNames<ResourceProperty>();
    private static readonly string[] DeviceKeys = [.. Enum.GetValues<ResourceProperty>().Where(property => property.IsPerDevice()).Select(property => property.ToString())];

    /// <summary>Key -> value of a merged quadlet; keys without a value are absent.</summary>
    public static IEnumerable<KeyValuePair<string, string>> Effective(MergedUnit unit) =>
        from key in CgroupKeys.Append("OOMScoreAdjust")
        let value = Value(unit, key)
        where !string.IsNullOrEmpty(value)
        select KeyValuePair.Create(key, value);

    /// <summary>The cgroup keys a drop-in assigns, and of a key that holds for each device by itself <c>KEY=PATH</c> of each.</summary>
    public static IEnumerable<string> KeysSetBy(string dropIn)
    {
        var unit = UnitFileMerger.Merge(UnitFile.Parse(dropIn, "drop-in"), []);
        return CgroupKeys.Where(key => !DeviceKeys.Contains(key) && unit.Entries.Any(entry => entry.Section == "Service" && entry.Key == key))
            .Concat(DeviceKeys.SelectMany(key => Devices(unit, key).Select(path => ResourceProperties.NameOf(key, path))));
    }

    /// <summary>The paths that limits of I/O name, each once.</summary>
    public static IEnumerable<string> Devices(MergedUnit unit) => DeviceKeys.SelectMany(key => Devices(unit, key)).Distinct(StringComparer.Ordinal);

    /// <summary>The path of such a <c>KEY=PATH</c>; null when the name is a key alone.</summary>
    public static string? DeviceOf(string name) => name.IndexOf('=', StringComparison.Ordinal) is >= 0 and var at ? name[(at + 1)..] : null;

    // systemd joins the CPUs of several assignments, and adds devices up; everything else is what the last one says.
    private static string? Value(MergedUnit unit, string key) => key switch
    {
        nameof(ResourceProperty.AllowedCPUs) => string.Join(' ', unit.All("Service", key).Select(entry => entry.Value)),
        _ when DeviceKeys.Contains(key) => string.Join(", ", unit.All("Service", key).GroupBy(entry => PathOf(entry.Value), StringComparer.Ordinal).Select(device => device.Last().Value)),
        _ => unit.Last("Service", key)?.Value,
    };

    private static IEnumerable<string> Devices(MergedUnit unit, string key) => unit.All("Service", key).Select(entry => PathOf(entry.Value)).Where(path => path.StartsWith('/'));

    private static string PathOf(string value) => value.Split([' ', '\t'], 2)[0];
}
