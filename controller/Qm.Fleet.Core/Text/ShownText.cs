using System.Globalization;
using System.Text;

namespace Qm.Fleet.Core.Text;

/// <summary>Text that others chose, as it may be shown to people: it begins no line, moves no cursor, and turns no direction.</summary>
public static class ShownText
{
    private const char Mark = '?';

    /// <summary>The text with '?' for every character that shows nothing by itself and changes what is around it, cut with "..." when it is longer.</summary>
    /// <param name="text">The text.</param>
    /// <param name="most">Most characters.</param>
    /// <param name="lines">Whether line feeds and tabs stay.</param>
    public static string Of(string text, int most = int.MaxValue, bool lines = false)
    {
        if (text.Length <= most && !text.Any(static letter => !char.IsAscii(letter) || char.IsControl(letter)))
        {
            return text;
        }
        var shown = new StringBuilder(Math.Min(text.Length, most));
        foreach (var rune in text.EnumerateRunes())
        {
            if (shown.Length + rune.Utf16SequenceLength > most)
            {
                return shown.Append("...").ToString();
            }
            if (IsShown(rune) || (lines && rune.Value is '\n' or '\t'))
            {
                shown.Append(rune);
            }
            else
            {
                shown.Append(Mark);
            }
        }
        return shown.ToString();
    }

    // Format characters are what turns the direction of text, and what is not seen between two letters.
    private static bool IsShown(Rune rune) => Rune.GetUnicodeCategory(rune) is not (
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator
        or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned);
}
