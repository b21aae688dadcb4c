using System.Globalization;
using Google.Protobuf.WellKnownTypes;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>How long tokens are good, as people type it, and when they end, as they read it.</summary>
internal static class TokenLife
{
    /// <summary>Reads a number with m, h or d.</summary>
    /// <exception cref="CliException">It is none, or more than the most.</exception>
    internal static TimeSpan Parse(string text, TimeSpan most, string example)
    {
        var unit = text.Length == 0 ? TimeSpan.Zero : text[^1] switch { 'm' => TimeSpan.FromMinutes(1), 'h' => TimeSpan.FromHours(1), 'd' => TimeSpan.FromDays(1), _ => TimeSpan.Zero };
        return unit > TimeSpan.Zero && int.TryParse(text.AsSpan(0, text.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count > 0 && count <= most / unit
            ? count * unit
            : throw new CliException(ExitCode.Invalid, FormattableString.Invariant($"--expires-in {text}: expected a number with m, h or d, such as {example}, at most {most.TotalDays:0}d"));
    }

    /// <summary>A moment, to the minute.</summary>
    internal static string At(Timestamp? time) => time?.ToDateTimeOffset().ToString("yyyy-MM-dd HH:mm'Z'", CultureInfo.InvariantCulture) ?? "-";
}
