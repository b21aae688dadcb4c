using System.Globalization;

namespace Qm.Fleet.Core.Resources;

/// <summary>Sizes in systemd's grammar: a number, or one with K, M, G, T, P or E, which are powers of 1024 for memory and of 1000 for I/O.</summary>
internal static class Sizes
{
    private const string Units = "KMGTPE";

    // The kernel counts pages in a long; from here on it reads every size as "max".
    private const ulong TooLarge = 1UL << 63;

    /// <summary>Powers of it are the units of memory.</summary>
    internal const ulong Memory = 1024;

    /// <summary>Powers of it are the units of I/O.</summary>
    internal const ulong Transfer = 1000;

    /// <summary>Reads a size below 8E of memory; fractions such as 1.5G are allowed with a unit, and what they leave of the smallest one is dropped.</summary>
    internal static bool TryParse(string text, out ulong size, ulong thousand = Memory)
    {
        size = 0;
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

        // A large number times 1024 to the sixth could leave the range of a decimal; the bound is checked first.
        var factor = Enumerable.Repeat((decimal)thousand, unit + 1).Aggregate(1m, (product, next) => product * next);
        if (value >= TooLarge / factor)
        {
            return false;
        }

        size = (ulong)(value * factor);
        return true;
    }

    /// <summary>The shortest exact way to write a size: the largest unit that divides it.</summary>
    internal static string Format(ulong size, ulong thousand = Memory)
    {
        var unit = -1;
        while (size != 0 && size % thousand == 0 && unit < Units.Length - 1)
        {
            size /= thousand;
            unit++;
        }

        var number = size.ToString(CultureInfo.InvariantCulture);
        return unit < 0 ? number : number + Units[unit];
    }
}
