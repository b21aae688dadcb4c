using System.Collections.Immutable;

namespace Qm.Fleet.Core.Units;

/// <summary>A unit file with its drop-ins, as systemd and Podman's quadlet generator read them.</summary>
/// <param name="Entries">Every assignment in the order in which it is read.</param>
public sealed record MergedUnit(ImmutableArray<UnitEntry> Entries)
{
    /// <summary>The assignment that counts for a key that takes one value: the last, with its origin; null when none or when the last is empty.</summary>
    public UnitEntry? Last(string section, string key) =>
        Entries.LastOrDefault(entry => entry.Section == section && entry.Key == key) is { Value.Length: > 0 } last ? last : null;

    /// <summary>The assignments that count for a key that takes a list: an empty one resets what stands before it.</summary>
    public ImmutableArray<UnitEntry> All(string section, string key)
    {
        var all = ImmutableArray.CreateBuilder<UnitEntry>();
        foreach (var entry in Entries.Where(entry => entry.Section == section && entry.Key == key))
        {
            if (entry.Value.Length == 0)
            {
                all.Clear();
            }
            else
            {
                all.Add(entry);
            }
        }

        return all.ToImmutable();
    }
}

/// <summary>Merges a unit file with its drop-ins.</summary>
public static class UnitFileMerger
{
    /// <summary>The unit as it is read: the main file, then each drop-in.</summary>
    /// <param name="main">The vendor's file.</param>
    /// <param name="dropInsInOrder">Drop-ins by file name, from all directories together, a name that repeats only from the strongest directory.</param>
    public static MergedUnit Merge(UnitFile main, IEnumerable<UnitFile> dropInsInOrder) =>
        new([.. main.Entries, .. dropInsInOrder.SelectMany(file => file.Entries)]);
}
