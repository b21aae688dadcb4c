using System.Text;

namespace Qm.Fleet.Core.Units;

/// <summary>Writes unit files and quadlets: stable text, sections in the order in which they are first named.</summary>
/// <param name="header">A comment for the reader of the file; one line.</param>
/// <exception cref="ArgumentException">The header is more than one line.</exception>
public sealed class UnitFileBuilder(string header)
{
    private readonly string _header = IsSafe(header) ? header : throw new ArgumentException("the header holds a control character", nameof(header));
    private readonly List<(string Name, List<(string Key, string Value)> Entries)> _sections = [];

    /// <summary>Adds an assignment; a key may repeat, and an empty value resets what stands before it.</summary>
    /// <remarks>Spaces around the value are not part of it: whoever reads the file drops them.</remarks>
    /// <exception cref="ArgumentException">A name or the value would change the meaning of other lines.</exception>
    public UnitFileBuilder Add(string section, string key, string value)
    {
        if (!IsName(section) || section.Contains(']') || !IsName(key) || key.Contains('=') || key is ['#' or ';', ..])
        {
            throw new ArgumentException($"[{section}] {key}: not a section and key of a unit file");
        }

        // systemd reads two backslashes at the end as one; Podman joins the next line all the same.
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
        var text = new StringBuilder("# ").Append(_header).Append('\n');
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

    private static bool IsName(string text) => text.Length > 0 && text.Trim() == text && !text.Contains('[') && IsSafe(text);

    private static bool IsSafe(string text) => !text.Any(char.IsControl);
}
