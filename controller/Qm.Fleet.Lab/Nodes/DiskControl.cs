using System.Collections.Immutable;
using System.Globalization;
using Qm.Fleet.BlueChi.Bus;

namespace Qm.Fleet.Lab.Nodes;

/// <summary>
/// The limits of I/O of one unit as systemd holds them: a set of four for each name of a device, in the order in which the names came. A name is never forgotten
/// until the files are read anew, and every set goes to the kernel, so that the last name of a disk has the last word.
/// </summary>
internal sealed class DiskControl
{
    private const ulong Infinity = ulong.MaxValue;
    private readonly ImmutableList<(string Path, ImmutableArray<ulong> Limits)> _devices;

    private DiskControl(ImmutableList<(string, ImmutableArray<ulong>)> devices) => _devices = devices;

    /// <summary>Nothing set.</summary>
    public static DiskControl None { get; } = new([]);

    /// <summary>The keys, which are the D-Bus properties, each with its name in io.max.</summary>
    public static ImmutableArray<(string Key, string Kernel)> Keys { get; } =
        [("IOReadBandwidthMax", "rbps"), ("IOWriteBandwidthMax", "wbps"), ("IOReadIOPSMax", "riops"), ("IOWriteIOPSMax", "wiops")];

    /// <summary>Every name of a device with what the kernel is to hold of its disk, in order.</summary>
    public IEnumerable<(string Path, string Limits)> Kernel =>
        _devices.Select(device => (device.Path, string.Join(' ', Keys.Zip(device.Limits, (key, limit) => $"{key.Kernel}={(limit == Infinity ? "max" : Number(limit))}"))));

    /// <summary>All four as D-Bus properties.</summary>
    public IEnumerable<KeyValuePair<string, BusValue>> Properties => Keys.Select((key, index) => KeyValuePair.Create(key.Key, (BusValue)new BusValue.Array(
        "(st)", [.. _devices.Where(device => device.Limits[index] != Infinity).Select(device => (BusValue)new BusValue.Struct([device.Path, device.Limits[index]]))])));

    /// <summary>Which of the four a key is; -1 for another key.</summary>
    public static int IndexOf(string key) => Keys.Select(known => known.Key).ToList().IndexOf(key);

    /// <summary>An assignment in a unit file: an empty value lifts the limit of every device; what cannot be read leaves everything as it was.</summary>
    public DiskControl Assign(int index, string text) => text.Length == 0
        ? new(_devices.ConvertAll(device => (device.Path, device.Limits.SetItem(index, Infinity))))
        : text.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries) is [var path, var amount] && Size(amount) is { } limit ? With(index, path, limit) : this;

    /// <summary>A property set over D-Bus, with the assignments systemd writes for it. Throws <see cref="SystemdRefusal"/>.</summary>
    public (DiskControl Changed, string Assignment) Set(int index, BusValue value)
    {
        if (value is not BusValue.Array { ItemSignature: "(st)" } devices)
        {
            throw SystemdRefusal.WrongType();
        }

        var changed = devices.Items.Length == 0 ? Assign(index, "") : this;
        foreach (var device in devices.Items)
        {
            var (path, limit) = (device.AsItems()[0].AsText(), ((BusValue.UInt64)device.AsItems()[1]).Value);
            if (path.Contains("//", StringComparison.Ordinal) || path.Split('/').Any(part => part is "." or ".."))
            {
                // Path and key are the wrong way round in systemd's own message, too.
                throw SystemdRefusal.InvalidArguments($"Path '{Keys[index].Key}' specified in {path}= is not normalized.");
            }

            changed = changed.With(index, path, limit);
        }

        var key = Keys[index].Key;
        return (changed, string.Join('\n', changed._devices.Where(device => device.Limits[index] != Infinity).Select(device => $"{key}={device.Path} {Number(device.Limits[index])}").Prepend($"{key}=")));
    }

    private DiskControl With(int index, string path, ulong limit)
    {
        var at = _devices.FindIndex(device => device.Path == path);
        return at >= 0 ? new(_devices.SetItem(at, (path, _devices[at].Limits.SetItem(index, limit))))
            : new(_devices.Add((path, ImmutableArray.Create(Infinity, Infinity, Infinity, Infinity).SetItem(index, limit))));
    }

    private static string Number(ulong value) => value.ToString(CultureInfo.InvariantCulture);

    // Powers of 1000, where memory has powers of 1024.
    private static ulong? Size(string text)
    {
        var power = "KMGT".IndexOf(text[^1], StringComparison.Ordinal);
        return text == "infinity" ? Infinity
            : double.TryParse(power < 0 ? text : text[..^1], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value) ? (ulong)(value * Math.Pow(1000, power + 1))
            : null;
    }
}
