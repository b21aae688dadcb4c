using System.Globalization;
using System.Text;
using System.Text.Unicode;

namespace Qm.Fleet.Agent.Evidence;

/// <summary>Reads systemd's <c>Environment=</c> lines, and those of os-release: assignments separated by blanks, in optional quotes.</summary>
internal static class EnvironmentLines
{
    // systemd.syntax(7), escapes of one letter and what they stand for; numbers come besides.
    private const string Letters = "abfnrtv\\\"'s";
    private const string Meant = "\a\b\f\n\r\t\v\\\"' ";

    /// <summary>Name -> value; of equal names the last wins.</summary>
    /// <param name="lines">The lines.</param>
    /// <param name="isShell">
    /// Whether a backslash keeps the next character, and stands for itself in single quotes, as in os-release(5). systemd has C's escapes, in either
    /// quotes and without, and ignores a line from the word on that has another one or a quote without an end.
    /// </param>
    public static IReadOnlyDictionary<string, string> Parse(IEnumerable<string> lines, bool isShell = false)
    {
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var assignment in lines.SelectMany(line => Words(Encoding.UTF8.GetBytes(line), isShell)))
        {
            if (assignment.IndexOf('=') is > 0 and var equals)
            {
                values[assignment[..equals]] = assignment[(equals + 1)..];
            }
        }

        return values;
    }

    private static List<string> Words(byte[] line, bool isShell)
    {
        List<string> words = [];
        List<byte> word = [];
        var (quote, started) = ((byte)0, false);
        for (var i = 0; i < line.Length; i++)
        {
            var c = line[i];
            if (c == '\\' && !isShell)
            {
                if (Unescape(line.AsSpan(i + 1), word) is not (> 0 and var length))
                {
                    return words;
                }

                i += length;
            }
            else if (c == '\\' && quote != '\'' && i + 1 < line.Length)
            {
                word.Add(line[++i]);
            }
            else if (quote != 0 ? c == quote : c is (byte)'"' or (byte)'\'')
            {
                (quote, started) = (quote == 0 ? c : (byte)0, true);
            }
            else if (quote == 0 && (c is (byte)' ' or (byte)'\t'))
            {
                End();
            }
            else
            {
                word.Add(c);
            }
        }

        if (quote == 0 || isShell)
        {
            End();
        }

        return words;

        // Bytes that are no text are no assignment to systemd.
        void End()
        {
            byte[] bytes = [.. word];
            if ((started || bytes.Length > 0) && Utf8.IsValid(bytes))
            {
                words.Add(Encoding.UTF8.GetString(bytes));
            }

            word.Clear();
            started = false;
        }
    }

    // How much of what follows a backslash belongs to it; 0 when it is no escape.
    private static int Unescape(ReadOnlySpan<byte> text, List<byte> word)
    {
        switch (text.IsEmpty ? '\0' : (char)text[0])
        {
            case 'x' when TryHex(text, 2, out var number):
                word.Add((byte)number);
                return 3;
            case 'u' when TryHex(text, 4, out var number) && Rune.IsValid(number):
                return Add(number, 5);
            case 'U' when TryHex(text, 8, out var number) && Rune.IsValid(number):
                return Add(number, 9);
            case >= '0' and <= '3' when text is [var a, >= (byte)'0' and <= (byte)'7' and var b, >= (byte)'0' and <= (byte)'7' and var c, ..] && a + b + c > 3 * '0':
                word.Add((byte)(((a - '0') << 6) | ((b - '0') << 3) | (c - '0')));
                return 3;
            case var letter when Letters.IndexOf(letter, StringComparison.Ordinal) is >= 0 and var at:
                word.Add((byte)Meant[at]);
                return 1;
            default:
                return 0;
        }

        int Add(uint number, int length)
        {
            word.AddRange(Encoding.UTF8.GetBytes(new Rune(number).ToString()));
            return length;
        }
    }

    // A NUL is no part of a value.
    private static bool TryHex(ReadOnlySpan<byte> text, int digits, out uint number)
    {
        number = 0;
        return text.Length > digits && uint.TryParse(text.Slice(1, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out number) && number > 0;
    }
}
