using System.Globalization;

namespace Qm.Fleet.Core.Environments;

/// <summary>Times as people write them: a number with ms, s, m, h or d.</summary>
public static class Durations
{
    /// <summary>7 days.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromDays(7);

    private static readonly (string Unit, TimeSpan Of)[] Units =
    [
        ("ms", TimeSpan.FromMilliseconds(1)), ("s", TimeSpan.FromSeconds(1)), ("m", TimeSpan.FromMinutes(1)), ("h", TimeSpan.FromHours(1)), ("d", TimeSpan.FromDays(1)),
    ];

    /// <summary>Reads <c>90s</c>, <c>500ms</c> or <c>2m</c>, at most 7 days; 0 needs no unit.</summary>
    /// <param name="text">The text.</param>
    /// <param name="duration">The time; zero when the text is none.</param>
    /// <param name="problem">What is wrong and what was expected; null when nothing is.</param>
    public static bool TryParse(string text, out TimeSpan duration, out string? problem)
    {
        duration = TimeSpan.Zero;
        var digits = text.TrimEnd([.. "mshd"]);
        var unit = Units.FirstOrDefault(unit => unit.Unit == text[digits.Length..]);
        var isNumber = long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var count);
        if (isNumber && count == 0 && text == digits)
        {
            problem = null;
            return true;
        }

        if (!isNumber || unit.Unit is null || count > Longest / unit.Of)
        {
            problem = $"\"{text}\" is not a time; expected a number with ms, s, m, h or d, such as 90s or 2m, at most 7d";
            return false;
        }

        (duration, problem) = (count * unit.Of, null);
        return true;
    }

    /// <summary>A time as it would be written, in the largest unit that makes a whole number of it.</summary>
    public static string Text(TimeSpan duration)
    {
        var (name, of) = duration == TimeSpan.Zero ? Units[1] : Units.Last(unit => duration.Ticks % unit.Of.Ticks == 0 || unit.Unit == "ms");
        return string.Create(CultureInfo.InvariantCulture, $"{duration / of:0.###}{name}");
    }
}
