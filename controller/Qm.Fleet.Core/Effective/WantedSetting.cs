using System.Globalization;
using Qm.Fleet.Core.Resources;
using Qm.Fleet.Core.Revisions;

namespace Qm.Fleet.Core.Effective;

/// <summary>What a revision wants of a setting.</summary>
public static class WantedSetting
{
    /// <summary>The value in the words of the fleet's manifest; empty when it wants nothing.</summary>
    /// <param name="desired">What the node shall have.</param>
    /// <param name="of">Whose configuration.</param>
    /// <param name="key">The setting's key.</param>
    public static string Find(RenderedRevision desired, ConfigurationOf of, string key) => of switch
    {
        ConfigurationOf.Unit when key == "OOMScoreAdjust" => Text(desired.Environment.Oom.Qm),
        ConfigurationOf.Unit => Limit(desired, key),
        ConfigurationOf.HostAgent => desired.Environment.HostAgent.GetValueOrDefault(key, ""),
        ConfigurationOf.QmAgent when key == "NodeName" => desired.QmNodeName ?? "",
        ConfigurationOf.QmAgent => desired.Environment.QmAgent.GetValueOrDefault(key, ""),
        ConfigurationOf.Containers when key == "oom_score_adj" => Text(desired.Environment.Oom.Nested),
        _ => "",
    };

    // An enum's number is no key.
    private static string Limit(RenderedRevision desired, string key) =>
        Enum.TryParse<ResourceProperty>(key, out var property) && property.ToString() == key && desired.Environment.Resources.TryGetValue(property, out var value) ? value.ToString() : "";

    private static string Text(int? score) => score?.ToString(CultureInfo.InvariantCulture) ?? "";
}
