namespace Qm.Fleet.Core.Units;

/// <summary>Patterns for names of units, as systemctl(1) has them: <c>*</c> for any text, <c>?</c> for one character.</summary>
public static class UnitPattern
{
    /// <summary>Whether a name matches.</summary>
    /// <remarks>In time that grows with the product of the lengths, however many <c>*</c> there are.</remarks>
    public static bool Matches(string pattern, string name)
    {
        var (at, from, star, tried) = (0, 0, -1, 0);
        while (from < name.Length)
        {
            if (at < pattern.Length && (pattern[at] == '?' || (pattern[at] == name[from] && pattern[at] != '*')))
            {
                (at, from) = (at + 1, from + 1);
            }
            else if (at < pattern.Length && pattern[at] == '*')
            {
                (star, tried, at) = (at, from, at + 1);
            }
            else if (star >= 0)
            {
                // The last '*' takes one character more.
                tried++;
                (at, from) = (star + 1, tried);
            }
            else
            {
                return false;
            }
        }

        return pattern[at..].All(static character => character == '*');
    }
}
