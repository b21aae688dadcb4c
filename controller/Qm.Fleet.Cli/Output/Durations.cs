using System.Globalization;

namespace Qm.Fleet.Cli.Output;

/// <summary>Durations as people type and read them.</summary>
internal static class Durations
{
    private static readonly TimeSpan Longest = TimeSpan.FromDays(1);

    /// <summary>Reads 1s to 24h.</summary>
    /// <exception cref="CliException">The text is no such duration.</exception>
    internal static TimeSpan Parse(string option, string text)
    {
        var unit = text.Length == 0 ? 0 : text[^1] switch { 's' => 1, 'm' => 60, 'h' => 3600, _ => 0 };
        return unit > 0 && int.TryParse(text.AsSpan(0, text.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var count)
            && count > 0 && (long)count * unit <= Longest.TotalSeconds
            ? TimeSpan.FromSeconds((long)count * unit)
            : throw new CliException(ExitCode.Invalid, $"{option} {text}: expected a number with s, m or h, such as 90s, at most 24h");
    }

    /// <summary>Reads 1ms to 24h.</summary>
    internal static bool TryParse(string text, out TimeSpan duration)
    {
        var number = text.TrimEnd('m', 's', 'h');
        var unit = text[number.Length..] switch { "ms" => 1, "s" => 1000, "m" => 60_000, "h" => 3_600_000, _ => 0 };
        duration = int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var count) ? TimeSpan.FromMilliseconds((long)count * unit) : TimeSpan.Zero;
        return duration > TimeSpan.Zero && duration <= Longest;
    }

    /// <summary>A duration in at most two units; one that clocks make negative is none.</summary>
    internal static string Show(TimeSpan duration) => duration switch
    {
        { Ticks: < 0 } => "0.0 s",
        { TotalSeconds: < 9.95 } => string.Create(CultureInfo.InvariantCulture, $"{duration.TotalSeconds:0.0} s"),
        { TotalSeconds: < 59.5 } => string.Create(CultureInfo.InvariantCulture, $"{duration.TotalSeconds:0} s"),
        // What rounds to a minute is one.
        { TotalSeconds: < 60 } => "1 m 0 s",
        { TotalHours: < 1 } => string.Create(CultureInfo.InvariantCulture, $"{duration.Minutes} m {duration.Seconds} s"),
        { TotalDays: < 1 } => string.Create(CultureInfo.InvariantCulture, $"{duration.Hours} h {duration.Minutes} m"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{(int)duration.TotalDays} d {duration.Hours} h"),
    };

    /// <summary>How long ago something was; a dash when it was never.</summary>
    internal static string Since(Google.Protobuf.WellKnownTypes.Timestamp? then, DateTimeOffset now) =>
        then is null ? "-" : Show(now - then.ToDateTimeOffset());

    /// <summary>How long something took; a dash when it has not ended.</summary>
    internal static string Between(Google.Protobuf.WellKnownTypes.Timestamp? began, Google.Protobuf.WellKnownTypes.Timestamp? ended) =>
        began is null || ended is null ? "-" : Show(ended.ToDateTimeOffset() - began.ToDateTimeOffset());
}
