namespace Qm.Fleet.Lab.Nodes;

/// <summary>The assignments of a unit file in their order, as systemd.syntax(7) reads them.</summary>
internal sealed record UnitText(IReadOnlyList<(string Section, string Key, string Value)> Assignments)
{
    /// <summary>Reads a unit file. Lines that are neither section, assignment nor comment are skipped, as systemd does.</summary>
    public static UnitText Parse(string text)
    {
        var assignments = new List<(string, string, string)>();
        var section = "";
        foreach (var line in text.Replace("\\\n", " ", StringComparison.Ordinal).Split('\n').Select(line => line.Trim()))
        {
            if (line.StartsWith('[') && line.EndsWith(']'))
            {
                section = line[1..^1];
            }
            else if (line.Length > 0 && line[0] is not ('#' or ';') && line.Split('=', 2) is [var key, var value])
            {
                assignments.Add((section, key.TrimEnd(), value.TrimStart()));
            }
        }

        return new(assignments);
    }

    /// <summary>Files in their order, later ones adding to and overriding earlier ones.</summary>
    public static UnitText Merge(IEnumerable<UnitText> files) => new([.. files.SelectMany(file => file.Assignments)]);

    /// <summary>All values of a key since its last reset by an empty assignment.</summary>
    public IEnumerable<string> Values(string section, string key)
    {
        var values = new List<string>();
        foreach (var (_, _, value) in Assignments.Where(assignment => assignment.Section == section && assignment.Key == key))
        {
            if (value.Length == 0)
            {
                values.Clear();
            }
            else
            {
                values.Add(value);
            }
        }

        return values;
    }
}
