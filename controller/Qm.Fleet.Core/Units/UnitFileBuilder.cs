using System.Text;

namespace Qm.Fleet.Core.Units;

/// <summary>Writes unit files and quadlets: stable text, sections in the order in which they are first named.</summary>
/// <param name="header">A comment for the reader of the file; one line.</param>
public sealed class UnitFileBuilder(string header)
{
    private readonly List<(string Name, List<(string Key, string Value)> Entries)> _sections = [];

    /// <summary>Adds an assignment; a key may repeat.</summary>
    /// <exception cref="ArgumentException">A name or the value would change the meaning of other lines.</exception>
    public UnitFileBuilder Add(string section, string key, string value)
    {
        if (!IsSafe(section) || section.AsSpan().IndexOfAny('[', ']') >= 0 || !IsSafe(key) || key.Contains('=') || key is "" or ['#' or ';' or '[', ..])
        {
            throw new ArgumentException($"[{section}] {key}: not a section and key of a unit file");
        }

        if (!IsSafe(value) || value.EndsWith('\\'))
        {
            throw new ArgumentException($"[{section}] {key}: the value holds a control character, or ends in a backslash");
        }

        var entries = _sections.Find(candidate => candidate.Name == section).Entries;
        if (entries is null)
        {
            entries = [];
            _sections.Add((section, entries));
        }

        entries.Add((key, value));
        return this;
    }

    /// <summary>The text, LF line ends.</summary>
    public override string ToString()
    {
        var text = new StringBuilder("# ").Append(header).Append('\n');
        foreach (var (name, entries) in _sections)
        {
            text.Append("\n[").Append(name).Append("]\n");
            foreach (var (key, value) in entries)
            {
                text.Append(key).Append('=').Append(value).Append('\n');
            }
        }

        return text.ToString();
    }

    private static bool IsSafe(string text) => !text.Any(char.IsControl);
}
