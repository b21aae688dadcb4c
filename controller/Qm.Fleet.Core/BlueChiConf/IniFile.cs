using System.Text;

namespace Qm.Fleet.Core.BlueChiConf;

/// <summary>One file of BlueChi's configuration, read as BlueChi reads it.</summary>
/// <remarks>
/// BlueChi's parser is inih, not systemd's: <c>=</c> or <c>:</c> separates; <c>;</c> and <c>#</c> begin a comment at the start of a line and <c> ;</c> inside
/// one; an indented line goes on with the value of the key before it, whatever it looks like; and a key that stands twice in a section is
/// concatenated without a separator. Bytes that are no UTF-8 become U+FFFD in names and values. Verified against bluechi-agent 1.3.
/// </remarks>
public sealed class IniFile
{
    /// <summary>Most bytes of a line, its line break included; a longer one is an error.</summary>
    public const int MaxLineBytes = 519;

    private const int MaxNameBytes = 49;
    private const string Space = " \t\n\v\f\r";

    private readonly Dictionary<(string Section, string Key), (string Value, int Line)> _settings = [];
    private string _section = "";
    private string _lastKey = "";

    private IniFile()
    {
    }

    /// <summary>The line, from 1, that BlueChi's parser stops being content at; null when it takes the whole file.</summary>
    public int? ErrorLine { get; private set; }

    /// <summary>Keys of a section with their values and the line, from 1, where each was first set; empty when the section is not there.</summary>
    /// <remarks>Keys are case-sensitive. Settings before the first section have the section "".</remarks>
    public IEnumerable<(string Key, string Value, int Line)> Section(string name) =>
        _settings.Where(setting => Text(setting.Key.Section) == name)
            .Select(setting => (Text(setting.Key.Key), Text(setting.Value.Value), setting.Value.Line));

    /// <summary>Reads a file; never throws, whatever it holds.</summary>
    public static IniFile Parse(ReadOnlySpan<byte> content)
    {
        var file = new IniFile();
        for (var number = 1; content.Length > 0; number++)
        {
            var end = content.IndexOf((byte)'\n') is var found and >= 0 ? found + 1 : content.Length;
            file.ReadLine(content[..end], number);
            content = content[end..];
        }

        return file;
    }

    private void ReadLine(ReadOnlySpan<byte> bytes, int number)
    {
        if (bytes.Length > MaxLineBytes)
        {
            ErrorLine ??= number;
            return;
        }

        // One char for each byte, as the parser sees them; C's strings end at the first NUL.
        var line = Encoding.Latin1.GetString(number == 1 && bytes.StartsWith("\uFEFF"u8) ? bytes[3..] : bytes).Split('\0')[0];
        var start = line.Trim(Space.ToCharArray());
        var indented = line.Length > 0 && Space.Contains(line[0]);
        switch (start)
        {
            case [] or ['#' or ';', ..]:
                break;
            case var _ when indented && _lastKey.Length > 0:
                Append(_lastKey, WithoutComment(start), number);
                break;
            case ['[', ..] when Until(start[1..], ']') is { } name:
                (_section, _lastKey) = (Shorten(name), "");
                break;
            case var _ when start[0] != '[' && Until(start, '=', ':') is { } key:
                var value = WithoutComment(start[(key.Length + 1)..]).TrimStart(Space.ToCharArray());
                key = key.TrimEnd(Space.ToCharArray());
                _lastKey = Shorten(key);
                Append(key, value, number);
                break;
            default:
                ErrorLine ??= number;
                break;
        }
    }

    private void Append(string key, string value, int number)
    {
        var (before, line) = _settings.GetValueOrDefault((_section, key), ("", number));
        _settings[(_section, key)] = (before + value, line);
    }

    // The text before the first of these characters; null when a comment or the end comes first.
    private static string? Until(string text, params ReadOnlySpan<char> stops)
    {
        var end = text.AsSpan().IndexOfAny(stops);
        return end >= 0 && end < CommentStart(text) ? text[..end] : null;
    }

    private static string WithoutComment(string text) => text[..CommentStart(text)].TrimEnd(Space.ToCharArray());

    private static int CommentStart(string text)
    {
        for (var i = 1; i < text.Length; i++)
        {
            if (text[i] == ';' && Space.Contains(text[i - 1]))
            {
                return i;
            }
        }

        return text.Length;
    }

    private static string Shorten(string name) => name.Length <= MaxNameBytes ? name : name[..MaxNameBytes];

    private static string Text(string latin) => Encoding.UTF8.GetString(Encoding.Latin1.GetBytes(latin));
}
