namespace Qm.Fleet.Core.Units;

internal sealed record UnitEntry(string Section, string Key, string Value);

internal sealed record UnitFile(string Origin, IReadOnlyList<UnitEntry> Entries)
{
    public static UnitFile Parse(string text, string origin)
    {
        var (entries, section) = (new List<UnitEntry>(), "");
        foreach (var line in text.Replace("\\\n", " ", StringComparison.Ordinal).Split('\n').Select(line => line.Trim()))
        {
            if (line.Length == 0 || line[0] is '#' or ';')
            {
                continue;
            }

            if (line[0] == '[' && line[^1] == ']')
            {
                section = line[1..^1];
            }
            else if (line.Split('=', 2, StringSplitOptions.TrimEntries) is [var key, var value])
            {
                entries.Add(new(section, key, value));
            }
        }

        return new(origin, entries);
    }

    public static MergedUnit Merge(UnitFile main, IEnumerable<UnitFile> dropInsInOrder) =>
        new([.. dropInsInOrder.Prepend(main).SelectMany(file => file.Entries)]);
}

internal sealed record MergedUnit(IReadOnlyList<UnitEntry> Entries)
{
    public string? Last(string section, string key) => All(section, key) is [.., var last] ? last : null;

    public IReadOnlyList<string> All(string section, string key)
    {
        var values = new List<string>();
        foreach (var entry in Entries.Where(entry => entry.Section == section && entry.Key == key))
        {
            if (entry.Value.Length == 0)
            {
                values.Clear();
            }
            else
            {
                values.Add(entry.Value);
            }
        }

        return values;
    }
}
