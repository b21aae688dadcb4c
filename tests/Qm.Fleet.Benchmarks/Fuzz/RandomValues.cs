using System.Collections.Immutable;
using Qm.Fleet.BlueChi.Bus;

namespace Qm.Fleet.Benchmarks.Fuzz;

/// <summary>D-Bus values at random: of every type, nested up to a depth, with the numbers and texts that break things more often than others.</summary>
internal sealed class RandomValues(Random random)
{
    private static readonly string[] Texts =
    [
        "", "ecu1", "radio.service", "active", "online", "org.freedesktop.systemd1.Unit", "StartUnit", "*", "InvocationID", "Job", "Status", "ActiveState",
        "/org/freedesktop/systemd1/job/4294967296", "/org/eclipse/bluechi/job/-1", "\u00fcbel", "\U0001f697\ufeff", new('x', 300), "\n\r\t\u0001", "a/b/../c",
    ];

    private static readonly string[] Paths = ["/", "/org/eclipse/bluechi/node/ecu1", "/org/freedesktop/systemd1/job/7", "/a/b_2dc", "/0"];

    private static readonly string[] Signatures = ["", "s", "a{sv}", "(ssssssouso)", "aaaaaaaai", "(((((i)))))"];

    private static readonly ulong[] Numbers = [0, 1, 0x7f, 0xff, 0x7fff, 0xffff, 0x7fff_ffff, 0xffff_ffff, 0x7fff_ffff_ffff_ffff, ulong.MaxValue];

    /// <summary>A body of up to so many values.</summary>
    internal ImmutableArray<BusValue> Body(int most) => Many(random.Next(most + 1), () => Any(3));

    /// <summary>A value that nests up to so many levels.</summary>
    internal BusValue Any(int levels) => random.Next(levels > 0 ? 12 : 7) switch
    {
        < 4 => new BusValue.Text(Text()),
        < 7 => Basic(),
        7 => new BusValue.Variant(Any(levels - 1)),
        8 => new BusValue.Struct(Many(random.Next(1, 5), () => Any(levels - 1))),
        9 => Array(levels - 1),
        10 => new BusValue.Bytes([.. Bytes()]),
        _ => Properties(levels - 1),
    };

    /// <summary>A value of any basic type.</summary>
    internal BusValue Basic()
    {
        var number = random.Next(4) == 0 ? (ulong)random.NextInt64() : Numbers[random.Next(Numbers.Length)];
        return random.Next(12) switch
        {
            0 => new BusValue.Byte((byte)number),
            1 => new BusValue.Boolean((number & 1) == 1),
            2 => new BusValue.Int16((short)number),
            3 => new BusValue.UInt16((ushort)number),
            4 => new BusValue.Int32((int)number),
            5 => new BusValue.UInt32((uint)number),
            6 => new BusValue.Int64((long)number),
            7 => new BusValue.UInt64(number),
            8 => new BusValue.Double(BitConverter.UInt64BitsToDouble(number)),
            9 => new BusValue.ObjectPath(Paths[random.Next(Paths.Length)]),
            10 => new BusValue.TypeSignature(Signatures[random.Next(Signatures.Length)]),
            _ => new BusValue.Text(Text()),
        };
    }

    internal string Text() => Texts[random.Next(Texts.Length)];

    // All items of an array have one type; one value many times has.
    private BusValue.Array Array(int levels)
    {
        var item = Any(levels);
        item = item is BusValue.Byte ? new BusValue.Text(Text()) : item;
        return new(item.Signature, Many(random.Next(5), () => item));
    }

    private BusValue Properties(int levels) => BusValue.Properties(
        Enumerable.Range(0, random.Next(6)).Select(_ => KeyValuePair.Create(Text(), Any(levels))));

    private byte[] Bytes()
    {
        var bytes = new byte[random.Next(40)];
        random.NextBytes(bytes);
        return bytes;
    }

    private static ImmutableArray<BusValue> Many(int count, Func<BusValue> make)
    {
        var values = ImmutableArray.CreateBuilder<BusValue>(count);
        for (var made = 0; made < count; made++)
        {
            values.Add(make());
        }

        return values.MoveToImmutable();
    }
}
