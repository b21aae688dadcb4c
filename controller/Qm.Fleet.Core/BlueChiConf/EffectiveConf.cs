using System.Collections.Immutable;

namespace Qm.Fleet.Core.BlueChiConf;

/// <summary>A configuration file as it lies on a node.</summary>
/// <param name="Path">Where, for people and for the order of drop-ins.</param>
/// <param name="Content">All of its bytes.</param>
public sealed record ConfFile(string Path, ReadOnlyMemory<byte> Content)
{
    /// <summary>The file's name without its directory.</summary>
    public string Name => Path[(Path.LastIndexOf('/') + 1)..];
}

/// <summary>A value with where it comes from.</summary>
/// <param name="Value">The value in force.</param>
/// <param name="Path">The file that won.</param>
/// <param name="Line">The line there, from 1.</param>
/// <param name="Overridden">What other files set it to, and lost, the strongest first; each has none of its own.</param>
public sealed record ConfValue(string Value, string Path, int Line, ImmutableArray<ConfValue> Overridden);

/// <summary>What a BlueChi program reads at its start: its files merged, each value with the file it came from.</summary>
/// <remarks>
/// Vendor file, then the file in <c>/etc</c>, then its <c>conf.d</c> in byte order of the names; a later file replaces a key. A damaged file
/// ends the program, except among the drop-ins: there only the last one does, and an earlier one is left out without a word.
/// </remarks>
public sealed class EffectiveConf
{
    private EffectiveConf(ImmutableSortedDictionary<string, ConfValue> values, ImmutableArray<string> ignored, string? fatal) =>
        (Values, Ignored, FatalBecause) = (values, ignored, fatal);

    /// <summary>Every key of the section, known to BlueChi or not.</summary>
    public ImmutableSortedDictionary<string, ConfValue> Values { get; }

    /// <summary>Damaged drop-ins that BlueChi leaves out in silence, a sentence each.</summary>
    public ImmutableArray<string> Ignored { get; }

    /// <summary>Why the program exits instead of starting, as a sentence; null when it starts.</summary>
    public string? FatalBecause { get; }

    /// <summary>Merges the files of one program.</summary>
    /// <param name="section">The program's section, such as <c>bluechi-agent</c>.</param>
    /// <param name="vendor">The file below <c>/usr/share</c>; BlueChi does not start without it, but older versions did: null is no error.</param>
    /// <param name="main">The file in <c>/etc/bluechi</c>; null when there is none.</param>
    /// <param name="dropIns">Files of its <c>conf.d</c> in any order; names that do not end in <c>.conf</c> do not count.</param>
    public static EffectiveConf Merge(string section, ConfFile? vendor, ConfFile? main, IEnumerable<ConfFile> dropIns)
    {
        var values = ImmutableSortedDictionary.CreateBuilder<string, ConfValue>(StringComparer.Ordinal);
        ConfFile[] ordered = [.. dropIns.Where(file => file.Name.EndsWith(".conf", StringComparison.Ordinal)).OrderBy(file => file.Name, ByteOrder.Comparer)];
        var ignored = ImmutableArray.CreateBuilder<string>();
        foreach (var file in new[] { vendor, main }.OfType<ConfFile>().Concat(ordered))
        {
            var parsed = IniFile.Parse(file.Content.Span);
            if (parsed.ErrorLine is not { } line)
            {
                Add(values, file, parsed.Section(section));
                continue;
            }

            var problem = $"BlueChi cannot read line {line} of {file.Path}";
            if (file == vendor || file == main || file == ordered[^1])
            {
                return new(values.ToImmutable(), ignored.ToImmutable(), $"{problem}, and does not start; mend or remove the file");
            }

            ignored.Add($"{problem}, and leaves the whole file out without a word; mend or remove it");
        }

        return new(values.ToImmutable(), ignored.ToImmutable(), null);
    }

    private static void Add(ImmutableSortedDictionary<string, ConfValue>.Builder values, ConfFile file, IEnumerable<(string Key, string Value, int Line)> settings)
    {
        foreach (var (key, value, line) in settings)
        {
            values[key] = new(value, file.Path, line, values.GetValueOrDefault(key) is { } lost ? [lost with { Overridden = [] }, .. lost.Overridden] : []);
        }
    }
}
