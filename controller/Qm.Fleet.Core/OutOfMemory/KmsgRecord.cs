using System.Globalization;
using System.Text;

namespace Qm.Fleet.Core.OutOfMemory;

/// <summary>One record of <c>/dev/kmsg</c> (Documentation/ABI/testing/dev-kmsg of Linux): <c>6,1234,5678901,-;text</c>.</summary>
/// <param name="Sequence">Counts up from 0 in each boot, without gaps but for what the ring buffer has lost.</param>
/// <param name="Microseconds">Since boot.</param>
/// <param name="IsKernels">Whether the kernel itself wrote it; programs may write records, too, and never as the kernel.</param>
/// <param name="Continues">Whether it is the rest of an earlier line that another processor broke off.</param>
/// <param name="Text">The line, what the kernel escaped as <c>\xHH</c> put back; at most <see cref="TextMax"/> characters.</param>
public sealed record KmsgRecord(long Sequence, long Microseconds, bool IsKernels, bool Continues, string Text)
{
    /// <summary>More of a line is never of use, and never kept.</summary>
    public const int TextMax = 8192;

    private const int FacilityShift = 3;

    /// <summary>Reads a record's first line; lines that begin with a space name devices and are none.</summary>
    public static bool TryParse(string line, out KmsgRecord record)
    {
        record = null!;
        var end = line.IndexOf(';', StringComparison.Ordinal);
        if (end < 0 || line[..end].Split(',') is not [var priority, var sequence, var microseconds, var flag, ..]
            || !TryNumber(priority, out var level) || !TryNumber(sequence, out var number) || !TryNumber(microseconds, out var since))
        {
            return false;
        }

        var text = line.AsSpan(end + 1);
        record = new(number, since, level >> FacilityShift == 0, flag == "c", Unescape(text[..Math.Min(text.Length, TextMax)]));
        return true;
    }

    private static bool TryNumber(string text, out long number) => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);

    // Escaped are bytes, so several of them may be one character.
    private static string Unescape(ReadOnlySpan<char> text)
    {
        if (!text.Contains('\\'))
        {
            return text.ToString();
        }

        var bytes = new List<byte>(text.Length);
        Span<byte> encoded = stackalloc byte[4];
        while (!text.IsEmpty)
        {
            if (text is ['\\', 'x', var high, var low, ..] && char.IsAsciiHexDigit(high) && char.IsAsciiHexDigit(low))
            {
                bytes.Add(byte.Parse(text[2..4], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture));
                text = text[4..];
            }
            else
            {
                Rune.DecodeFromUtf16(text, out var rune, out var consumed);
                bytes.AddRange(encoded[..rune.EncodeToUtf8(encoded)]);
                text = text[consumed..];
            }
        }

        return Encoding.UTF8.GetString([.. bytes]);
    }
}
