namespace Qm.Fleet.Cli.Tests;

/// <summary>A line as a shell splits it.</summary>
internal static class ShellWords
{
    private static readonly char[] Quotes = ['\'', '"'];

    /// <summary>Its words up to a redirection, a pipe, a comment or a closing bracket; quotes hold words together.</summary>
    internal static IReadOnlyList<string> Of(string line)
    {
        var (words, word, quote, isWord) = (new List<string>(), "", '\0', false);
        foreach (var letter in line + " ")
        {
            if (quote != '\0' ? letter == quote : Quotes.Contains(letter))
            {
                (quote, isWord) = (quote == '\0' ? letter : '\0', true);
            }
            else if (quote == '\0' && letter is ' ' or '>' or '|' or ')' or '#')
            {
                if (isWord)
                {
                    words.Add(word);
                }

                (word, isWord) = ("", false);
                if (letter != ' ')
                {
                    break;
                }
            }
            else
            {
                (word, isWord) = (word + letter, true);
            }
        }

        return words;
    }
}
