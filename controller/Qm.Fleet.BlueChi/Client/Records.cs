using System.Collections.Immutable;
using System.Globalization;
using Qm.Fleet.BlueChi.Bus;

namespace Qm.Fleet.BlueChi.Client;

/// <summary>Rows of the wire as records.</summary>
internal static class Records
{
    // A wrapped difference of two times is next to 2^64 microseconds; no real one comes near a year.
    private const ulong LongestSpan = 365UL * 24 * 3600 * 1_000_000;

    /// <summary><c>(ssssssouso)</c>.</summary>
    internal static UnitInfo ToUnit(BusValue row) => row.AsItems() is [var name, var description, var load, var active, var sub, var following, _, var job, var jobType, _]
        ? new(name.AsText(), description.AsText(), load.AsText(), active.AsText(), sub.AsText(), following.AsText(), job.AsUInt32(), jobType.AsText())
        : throw new BusFormatException($"expected (ssssssouso), found {row.Signature}");

    /// <summary><c>(ss)</c>.</summary>
    internal static UnitFileInfo ToUnitFile(BusValue row) => row.AsItems() is [var path, var state]
        ? new(path.AsText(), state.AsText())
        : throw new BusFormatException($"expected (ss), found {row.Signature}");

    /// <summary><c>a(sss)</c>.</summary>
    internal static IReadOnlyList<UnitFileChange> ToChanges(BusValue rows) => [.. rows.AsItems().Select(row => row.AsItems() is [var type, var file, var source]
        ? new UnitFileChange(type.AsText(), file.AsText(), source.AsText())
        : throw new BusFormatException($"expected (sss), found {row.Signature}"))];

    /// <summary>The number at the end of a systemd job's path.</summary>
    internal static uint ToSystemdJob(BusValue path)
    {
        var text = path.AsText();
        return uint.TryParse(text.AsSpan(text.LastIndexOf('/') + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw new BusFormatException($"expected the path of a job, found {text}");
    }

    internal static JobMetrics? ToMetrics(string member, ImmutableArray<BusValue> body) => (member, body) switch
    {
        ("StartUnitJobMetrics", [BusValue.Text node, BusValue.Text job, BusValue.Text unit, BusValue.UInt64 measured, BusValue.UInt64 start]) =>
            new StartUnitJobMetrics(node.Value, unit.Value, Wire.NumberOf(job.Value), ToSpan(measured.Value) ?? TimeSpan.Zero, ToSpan(start.Value)),
        ("AgentJobMetrics", [BusValue.Text node, BusValue.Text unit, BusValue.Text method, BusValue.UInt64 systemd]) =>
            new AgentJobMetrics(node.Value, unit.Value, method.Value, ToSpan(systemd.Value) ?? TimeSpan.Zero),
        _ => null,
    };

    private static TimeSpan? ToSpan(ulong microseconds) => microseconds is > 0 and < LongestSpan ? TimeSpan.FromMicroseconds((long)microseconds) : null;
}
