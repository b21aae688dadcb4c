using System.Collections.Immutable;

namespace Qm.Fleet.Core.Units;

/// <summary>A unit file with its drop-ins, as systemd and Podman's quadlet generator read them.</summary>
/// <param name="Entries">Every assignment in the order in which it is read.</param>
public sealed record MergedUnit(ImmutableArray<UnitEntry> Entries)
{
    /// <summary>Every section and key that is assigned, each once, in the order in which it is first read.</summary>
    public IEnumerable<(string Section, string Key)> Keys => Entries.Select(entry => (entry.Section, entry.Key)).Distinct();

    /// <summary>The assignment that counts for a key that takes one value: the last, with its origin; null when none or when the last is empty.</summary>
    public UnitEntry? Last(string section, string key) =>
        Entries.LastOrDefault(entry => entry.Section == section && entry.Key == key) is { Value.Length: > 0 } last ? last : null;

    /// <summary>The assignments that count for a key that takes a list: an empty one resets what stands before it.</summary>
    public ImmutableArray<UnitEntry> All(string section, string key) =>
        [.. Chain(section, key, UnitKeyKind.List).Where(link => link.Counts).Select(link => link.Entry).Reverse()];

    /// <summary>Every assignment of a key, the last one first, with whether it counts; an empty one of a list or of a single value never does.</summary>
    public ImmutableArray<(UnitEntry Entry, bool Counts)> Chain(string section, string key) => Chain(section, key, UnitKeys.KindOf(section, key));

    private ImmutableArray<(UnitEntry Entry, bool Counts)> Chain(string section, string key, UnitKeyKind kind)
    {
        var chain = ImmutableArray.CreateBuilder<(UnitEntry, bool)>();
        var isOver = false;
        foreach (var entry in Entries.Where(entry => entry.Section == section && entry.Key == key).Reverse())
        {
            chain.Add((entry, !isOver && entry.Value.Length > 0));
            isOver |= kind switch { UnitKeyKind.OneValue => true, UnitKeyKind.List => entry.Value.Length == 0, _ => false };
        }

        return chain.ToImmutable();
    }
}

/// <summary>Merges a unit file with its drop-ins.</summary>
public static class UnitFileMerger
{
    /// <summary>The unit as it is read: the main file, then each drop-in.</summary>
    /// <param name="main">The vendor's file.</param>
    /// <param name="dropInsInOrder">Drop-ins as <see cref="UnitSearch.DropInsInForce"/> orders them.</param>
    public static MergedUnit Merge(UnitFile main, IEnumerable<UnitFile> dropInsInOrder) =>
        new([.. main.Entries, .. dropInsInOrder.SelectMany(file => file.Entries)]);
}
