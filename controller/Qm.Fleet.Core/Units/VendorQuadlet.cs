using System.Collections.Immutable;

namespace Qm.Fleet.Core.Units;

/// <summary>What became of QM's own quadlet where it was installed, without anybody editing it.</summary>
public enum VendorVariant
{
    /// <summary>None of them: it was edited, or is of another version of QM.</summary>
    Other,

    /// <summary>As QM ships it.</summary>
    Pristine,

    /// <summary>QM's comment-tz-local put <c>Environment=TZ</c> in the place of <c>Timezone=local</c>.</summary>
    TimezoneCommented,

    /// <summary>QM's setup took out <c>SecurityLabelNested=</c>, which the Podman of CentOS 9 does not know.</summary>
    WithoutNestedLabel,
}

/// <summary>Tells QM's quadlet as it may be found on a node that nobody edited from one that somebody did.</summary>
/// <param name="Variant">Which of the three it is.</param>
/// <param name="Differences">What is not as in QM 1.0, such as <c>MemorySwapMax=1G</c> or <c>Network missing</c>; none unless the variant is Other.</param>
/// <remarks>Limits are left out: an integrator sets them in drop-ins, and distributions ship others. What counts is what moves or weakens QM.</remarks>
public sealed record VendorQuadlet(VendorVariant Variant, ImmutableArray<string> Differences)
{
    private const string Nested = "SecurityLabelNested";
    private const string Timezone = "Timezone";

    private static readonly (string Section, string Key, string Value)[] Shipped =
    [
        ("Service", "CPUWeight", "idle"), ("Service", "Delegate", "true"), ("Service", "IOWeight", "50"), ("Service", "ManagedOOMSwap", "kill"),
        ("Service", "MemorySwapMax", "0"), ("Service", "OOMScoreAdjust", "500"), ("Service", "Restart", "always"), ("Service", "Slice", "-.slice"),
        ("Service", "TasksMax", "50%"), ("Container", "DropCapability", "sys_boot sys_resource"), ("Container", "ContainerName", "qm"),
        ("Container", "Network", "private"), ("Container", "ReadOnly", "true"), ("Container", "SeccompProfile", "/usr/share/qm/seccomp-no-rt.json"),
        ("Container", "SecurityLabelType", "qm_t"), ("Container", "SecurityLabelFileType", "qm_file_t"), ("Container", "Sysctl", "fs.mqueue.queues_max=4"),
    ];

    /// <summary>For a person: which variant it is, and what differs; empty for a pristine one.</summary>
    public string Description => Variant switch
    {
        VendorVariant.Pristine => "",
        VendorVariant.TimezoneCommented => "Timezone= commented out by QM's comment-tz-local",
        VendorVariant.WithoutNestedLabel => "SecurityLabelNested= taken out by QM's setup",
        _ => $"edited, or of another version of QM: {string.Join(", ", Differences)}",
    };

    /// <summary>Recognises a quadlet.</summary>
    /// <param name="file">The file below <c>/usr/share</c>, without its drop-ins.</param>
    public static VendorQuadlet Recognise(UnitFile file)
    {
        var unit = UnitFileMerger.Merge(file, []);
        var differences = Shipped.Select(shipped => Difference(unit, shipped.Section, shipped.Key, shipped.Value)).OfType<string>().ToList();
        var (isLocal, isCommented) = (unit.Last("Container", Timezone)?.Value == "local", unit.All("Container", "Environment").Any(entry => entry.Value == "TZ"));
        if (isLocal == isCommented)
        {
            differences.Add(Found(Timezone, string.Join(' ', unit.All("Container", Timezone).Select(entry => entry.Value))));
        }

        if (unit.Last("Container", Nested) is { Value: not "true" } nested)
        {
            differences.Add(Found(Nested, nested.Value));
        }

        return differences.Count > 0 ? new(VendorVariant.Other, [.. differences])
            : new(unit.Last("Container", Nested) is null ? VendorVariant.WithoutNestedLabel : isCommented ? VendorVariant.TimezoneCommented : VendorVariant.Pristine, []);
    }

    private static string? Difference(MergedUnit unit, string section, string key, string shipped)
    {
        var found = string.Join(' ', unit.All(section, key).Select(entry => entry.Value));
        return Words(found).SequenceEqual(Words(shipped)) ? null : Found(key, found);
    }

    private static string Found(string key, string value) => value.Length == 0 ? $"{key} missing" : $"{key}={value}";

    private static string[] Words(string text) => text.Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
}
