namespace Qm.Fleet.Core.BlueChiConf;

/// <summary>What a <c>bluechi-controller</c> starts with, as far as it goes who may register with it.</summary>
/// <remarks>BlueChi splits <c>AllowedNodeNames</c> at commas and takes blanks for a part of a name; a section <c>[node NAME]</c> allows one more.</remarks>
public sealed class ControllerConf
{
    /// <summary>The section of its own settings.</summary>
    public const string SectionName = "bluechi-controller";

    /// <summary>The vendor's file, from the root.</summary>
    public const string VendorPath = "usr/share/bluechi/config/controller.conf";

    /// <summary>The administrator's file, below <c>/etc</c>.</summary>
    public const string MainPath = "bluechi/controller.conf";

    /// <summary>The directory of drop-ins, below <c>/etc</c>.</summary>
    public const string DropInDirectory = "bluechi/controller.conf.d";

    // As BlueChi's parser of booleans has it, to which 1 is false.
    private static readonly string[] True = ["true", "t", "yes", "y", "on"];

    private readonly Func<string, EffectiveConf> _section;

    private ControllerConf(Func<string, EffectiveConf> section)
    {
        (_section, Settings) = (section, section(SectionName));
        AllowedNodeNames = (Settings.Values.GetValueOrDefault("AllowedNodeNames")?.Value ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries);
    }

    /// <summary>Its own settings with where they come from.</summary>
    public EffectiveConf Settings { get; }

    /// <summary>The names of its list, blanks and all.</summary>
    public IReadOnlyList<string> AllowedNodeNames { get; }

    /// <summary>Merges a controller's files.</summary>
    public static ControllerConf Merge(ConfFile? vendor, ConfFile? main, IEnumerable<ConfFile> dropIns)
    {
        ConfFile[] all = [.. dropIns];
        return new(section => EffectiveConf.Merge(section, vendor, main, all));
    }

    /// <summary>Whether a node of that name may register; false when the controller does not start.</summary>
    public bool Allows(string name) => Settings.FatalBecause is null
        && (AllowedNodeNames.Contains(name)
            || (_section($"node {name}").Values.GetValueOrDefault("Allowed")?.Value is { } allowed && True.Contains(allowed, StringComparer.OrdinalIgnoreCase)));
}
