using Qm.Fleet.Core.Reconcile;

namespace Qm.Fleet.Core.Resources;

/// <summary>What systemd keeps for systemd-oomd; it is in no file of the kernel, so systemd's word is what there is.</summary>
public static class ManagedOom
{
    private const ulong Whole = uint.MaxValue;

    /// <summary>Hundredths of a per cent as systemd has them over D-Bus, a share of 2^32 - 1.</summary>
    public static uint ToScale(int permyriad) => (uint)(((ulong)Math.Clamp(permyriad, 0, 10_000) * Whole + 5_000) / 10_000);

    /// <summary>The hundredths of a per cent that <see cref="ToScale"/> makes so.</summary>
    public static int FromScale(uint scale) => (int)(((ulong)scale * 10_000 + Whole / 2) / Whole);

    /// <summary>Compares one setting.</summary>
    /// <param name="property">Which.</param>
    /// <param name="wanted">The value wanted.</param>
    /// <param name="said">Property to value, as systemd said of qm.service; absent what it did not.</param>
    internal static ValueCheck Compare(ResourceProperty property, ResourceValue wanted, IReadOnlyDictionary<string, string> said)
    {
        var source = $"{property} of qm.service";
        return !said.TryGetValue(property.ToString(), out var text) ? new(CheckResult.Unreadable, "", source, "systemd did not say; it is older than the setting, or could not be asked")
            : !ResourceValues.TryParse(property, text, out var found, out var problem) ? new(CheckResult.Unreadable, "", source, problem)
            : found == wanted ? new(CheckResult.Pass, found.ToString(), source, "")
            : new(CheckResult.Fail, found.ToString(), source, $"systemd says {found}");
    }
}
