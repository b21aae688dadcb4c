using Qm.Fleet.Core.Resources;
using Qm.Fleet.Core.Units;

namespace Qm.Fleet.Agent.Evidence;

/// <summary>The keys of qm.service's [Service] section that the fleet manages.</summary>
internal static class ResourceControl
{
    // What the kernel keeps when the key goes away: these need an explicit infinity to be relaxed.
    private static readonly string[] CgroupKeys = Enum.GetNames<ResourceProperty>();

    /// <summary>Key -> value of a merged quadlet; keys without a value are absent.</summary>
    public static IEnumerable<KeyValuePair<string, string>> Effective(MergedUnit unit) =>
        from key in CgroupKeys.Append("OOMScoreAdjust")
        let value = Value(unit, key)
        where !string.IsNullOrEmpty(value)
        select KeyValuePair.Create(key, value);

    /// <summary>The cgroup keys a drop-in gives a value.</summary>
    public static IEnumerable<string> KeysSetBy(string dropIn)
    {
        var unit = UnitFileMerger.Merge(UnitFile.Parse(dropIn, "drop-in"), []);
        return CgroupKeys.Where(key => !string.IsNullOrEmpty(Value(unit, key)));
    }

    // systemd joins the CPUs of several assignments; everything else is what the last one says.
    private static string? Value(MergedUnit unit, string key) =>
        key == nameof(ResourceProperty.AllowedCPUs) ? string.Join(' ', unit.All("Service", key).Select(entry => entry.Value)) : unit.Last("Service", key)?.Value;
}
