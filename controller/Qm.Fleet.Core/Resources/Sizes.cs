using System.Globalization;

namespace Qm.Fleet.Core.Resources;

/// <summary>Sizes in systemd's grammar: bytes, or a number with K, M, G, T, P or E, powers of 1024.</summary>
internal static class Sizes
{
    private const string Units = "KMGTPE";

    // The kernel counts pages in a long; from here on it reads every size as "max".
    private const ulong TooLarge = 1UL << 63;

    /// <summary>Reads a size below 8E; fractions such as 1.5G are allowed with a unit, and bytes that they leave are dropped.</summary>
    internal static bool TryParse(string text, out ulong bytes)
    {
        bytes = 0;
        if (text is not [>= '0' and <= '9', ..])
        {
            return false;
        }

        var unit = Units.IndexOf(text[^1], StringComparison.Ordinal);
        var number = unit >= 0 ? text[..^1] : text[^1] == 'B' ? text[..^1] : text;
        var style = unit >= 0 ? NumberStyles.AllowDecimalPoint : NumberStyles.None;
        if (!decimal.TryParse(number, style, CultureInfo.InvariantCulture, out var value))
        {
            return false;
        }

        // A large number times 1024^6 could leave the range of a decimal; the bound is checked first.
        var factor = unit >= 0 ? (decimal)(1UL << (10 * (unit + 1))) : 1m;
        if (value >= TooLarge / factor)
        {
            return false;
        }

        bytes = (ulong)(value * factor);
        return true;
    }

    /// <summary>The shortest exact way to write a size: the largest unit that divides it.</summary>
    internal static string Format(ulong bytes)
    {
        var unit = -1;
        while (bytes != 0 && bytes % 1024 == 0 && unit < Units.Length - 1)
        {
            bytes /= 1024;
            unit++;
        }

        var number = bytes.ToString(CultureInfo.InvariantCulture);
        return unit < 0 ? number : number + Units[unit];
    }
}
