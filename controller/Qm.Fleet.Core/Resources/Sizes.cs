using System.Globalization;

namespace Qm.Fleet.Core.Resources;

/// <summary>Sizes in systemd's grammar: bytes, or a number with K, M, G, T, P or E, powers of 1024.</summary>
internal static class Sizes
{
    private const string Units = "KMGTPE";

    /// <summary>Reads a size; fractions such as 1.5G are allowed with a unit.</summary>
    internal static bool TryParse(string text, out ulong bytes)
    {
        bytes = 0;
        if (text.Length == 0)
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

        // 1024^6 times any number that a decimal takes from text could leave its range; the bound is checked first.
        var factor = unit >= 0 ? (decimal)(1UL << (10 * (unit + 1))) : 1m;
        if (value > ulong.MaxValue / factor)
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
