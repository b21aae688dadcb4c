using System.Globalization;

namespace Qm.Fleet.Core.Rollouts;

/// <summary>A number of nodes, or a part of them in percent.</summary>
/// <param name="Value">From 0; with <paramref name="IsPercent"/> at most 100.</param>
/// <param name="IsPercent">Whether it is a part.</param>
public readonly record struct Amount(int Value, bool IsPercent)
{
    /// <summary>Every node.</summary>
    public static Amount All { get; } = new(100, true);

    /// <summary>Reads <c>3</c> or <c>25%</c>.</summary>
    /// <param name="text">The text.</param>
    /// <param name="amount">What was read.</param>
    /// <param name="problem">What is wrong with it; null when nothing is.</param>
    public static bool TryParse(string text, out Amount amount, out string? problem)
    {
        var isPercent = text.EndsWith('%');
        var isNumber = int.TryParse(isPercent ? text[..^1] : text, NumberStyles.None, CultureInfo.InvariantCulture, out var value);
        amount = new(value, isPercent);
        problem = !isNumber ? $"\"{text}\" is not a number of nodes; expected a number such as 2, or a part such as 25%"
            : isPercent && value > 100 ? $"{text} is more than all nodes; expected 0% to 100%"
            : null;
        return problem is null;
    }

    /// <summary>Reads a part, <c>25%</c>, as a whole number of percent.</summary>
    internal static bool TryParsePercent(string text, out int percent, out string? problem)
    {
        var isPercent = TryParse(text, out var amount, out problem) && amount.IsPercent;
        problem ??= isPercent ? null : $"\"{text}\" is not a part; expected such as 20%";
        percent = amount.Value;
        return isPercent;
    }

    /// <summary>How many of so many nodes that is at most; a part is rounded down, because it is what may be missing.</summary>
    public int AtMostOf(int nodes) => IsPercent ? (int)((long)nodes * Value / 100) : Value;

    /// <summary>How many of so many nodes that is at least; a part is rounded up.</summary>
    public int AtLeastOf(int nodes) => IsPercent ? (int)((((long)nodes * Value) + 99) / 100) : Value;

    /// <inheritdoc/>
    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture) + (IsPercent ? "%" : "");
}
