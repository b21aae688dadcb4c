using System.Globalization;
using Qm.Fleet.V1;

namespace Qm.Fleet.Agent.Usage;

/// <summary>The formats of cgroup files (Documentation/admin-guide/cgroup-v2.rst and accounting/psi.rst of Linux); what does not fit is left out.</summary>
internal static class KernelStatistics
{
    /// <summary>Reads <c>key value</c> lines.</summary>
    public static IEnumerable<KeyValuePair<string, long>> FlatKeyed(string text)
    {
        foreach (var line in text.Split('\n'))
        {
            if (line.Split(' ') is [var key, var value] && TryNumber(value, out var number))
            {
                yield return new(key, number);
            }
        }
    }

    /// <summary>Adds up one key of every device's line, such as <c>8:0 rbytes=1 wbytes=2</c>; what is more than a number holds comes out as the most it holds.</summary>
    public static long SumOfDevices(string text, string key) => text.Split('\n').SelectMany(static line => line.Split(' ').Skip(1))
        .Select(word => word.Length > key.Length && word[key.Length] == '=' && word.StartsWith(key, StringComparison.Ordinal)
            && TryNumber(word.AsSpan(key.Length + 1), out var number) ? number : 0)
        .Aggregate(0L, static (sum, number) => number > long.MaxValue - sum ? long.MaxValue : sum + number);

    /// <summary>Reads a limit, -1 for <c>max</c>; null for what is none.</summary>
    public static long? ReadLimit(string? text) => text == "max" ? -1 : TryNumber(text, out var limit) ? limit : null;

    /// <summary>Reads <c>50000 100000</c>, quota and period, as thousandths of a CPU, -1 for <c>max 100000</c>; null for what is none.</summary>
    public static long? ReadQuota(string? text) => text?.Split(' ') switch
    {
        ["max", _] => -1,
        [var quota, var period] when TryNumber(quota, out var microseconds) && TryNumber(period, out var length) && length > 0 && microseconds <= long.MaxValue / 1000 =>
            microseconds * 1000 / length,
        _ => null,
    };

    /// <summary>Reads <c>some avg10=0.00 avg60=0.00 avg300=0.00 total=0</c> and the same with <c>full</c>; null when there is neither.</summary>
    public static Pressure? ReadPressure(string text)
    {
        var pressure = new Pressure();
        foreach (var words in text.Split('\n').Select(static line => line.Split(' ')))
        {
            if (words is ["some", ..])
            {
                pressure.Some = ReadShare(words);
            }
            else if (words is ["full", ..])
            {
                pressure.Full = ReadShare(words);
            }
        }

        return pressure is { Some: null, Full: null } ? null : pressure;
    }

    private static PressureShare? ReadShare(string[] words) =>
        words is [_, var short10, var middle60, var long300, var sum]
        && TryShare(short10, "avg10=", out var avg10) && TryShare(middle60, "avg60=", out var avg60) && TryShare(long300, "avg300=", out var avg300)
        && sum.StartsWith("total=", StringComparison.Ordinal) && TryNumber(sum.AsSpan("total=".Length), out var total)
            ? new() { Avg10 = avg10, Avg60 = avg60, Avg300 = avg300, TotalUs = total } : null;

    private static bool TryShare(string word, string key, out double share)
    {
        share = 0;
        return word.StartsWith(key, StringComparison.Ordinal)
            && double.TryParse(word.AsSpan(key.Length), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out share);
    }

    private static bool TryNumber(ReadOnlySpan<char> text, out long number) => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}
