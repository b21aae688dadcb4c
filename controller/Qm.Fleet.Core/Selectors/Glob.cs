namespace Qm.Fleet.Core.Selectors;

/// <summary>Shell patterns as systemctl takes them: * is any run of characters, ? is one, everything else is itself.</summary>
public static class Glob
{
    /// <summary>Whether a text is what the pattern says, from its first to its last character.</summary>
    /// <remarks>Takes time in proportion to the product of both lengths at worst, whatever the pattern.</remarks>
    public static bool Matches(string pattern, string text)
    {
        var (at, here) = (0, 0);
        var (star, resume) = (-1, 0);
        while (here < text.Length)
        {
            if (at < pattern.Length && pattern[at] == '*')
            {
                (star, resume) = (at++, here);
            }
            else if (at < pattern.Length && (pattern[at] == '?' || pattern[at] == text[here]))
            {
                (at, here) = (at + 1, here + 1);
            }
            else if (star >= 0)
            {
                // The last star takes one character more; earlier ones never have to.
                (at, here) = (star + 1, ++resume);
            }
            else
            {
                return false;
            }
        }
        return pattern.AsSpan(at).Trim('*').IsEmpty;
    }
}
