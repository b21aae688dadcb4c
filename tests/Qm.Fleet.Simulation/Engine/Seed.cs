using System.Globalization;

namespace Qm.Fleet.Simulation.Engine;

/// <summary>What may stand for a seed.</summary>
internal static class Seed
{
    /// <summary>A number, or at least 16 hexadecimal digits such as a commit hash, whose first 16 count.</summary>
    /// <exception cref="FormatException">It is neither.</exception>
    internal static ulong Parse(string text) =>
        ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number
        : text.Length >= 16 && ulong.TryParse(text.AsSpan(0, 16), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out number) ? number
        : throw new FormatException($"\"{text}\" is not a seed; expected a number, or a commit hash");
}
