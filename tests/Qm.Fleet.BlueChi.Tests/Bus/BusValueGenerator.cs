using CsCheck;
using Qm.Fleet.BlueChi.Bus;

namespace Qm.Fleet.BlueChi.Tests.Bus;

/// <summary>Values of every D-Bus type, nested a few levels deep.</summary>
internal static class BusValueGenerator
{
    private static readonly Gen<string> Texts = Gen.Char['\u0001', '\u2fff'].Array[0, 12].Select(characters => new string(characters));
    private static readonly Gen<string> Paths = Gen.OneOf("/", "/org/eclipse/bluechi", "/a/b_2dc");

    private static readonly Gen<BusValue>[] Basics =
    [
        Gen.Byte.Select(value => (BusValue)new BusValue.Byte(value)),
        Gen.Bool.Select(value => (BusValue)value),
        Gen.Short.Select(value => (BusValue)new BusValue.Int16(value)),
        Gen.UShort.Select(value => (BusValue)new BusValue.UInt16(value)),
        Gen.Int.Select(value => (BusValue)value),
        Gen.UInt.Select(value => (BusValue)value),
        Gen.Long.Select(value => (BusValue)new BusValue.Int64(value)),
        Gen.ULong.Select(value => (BusValue)value),
        Gen.Double[-1e9, 1e9].Select(value => (BusValue)new BusValue.Double(value)),
        Texts.Select(value => (BusValue)value),
        Paths.Select(value => (BusValue)new BusValue.ObjectPath(value)),
        Gen.OneOf("", "s", "a{sv}", "(ssssssouso)").Select(value => (BusValue)new BusValue.TypeSignature(value)),
    ];

    private static readonly Gen<BusValue> Basic = Gen.OneOf(Basics);

    internal static Gen<BusValue> Any { get; } = Depth(3);

    private static Gen<BusValue> Depth(int levels) => levels == 0 ? Basic : Gen.OneOf(
        Basic,
        Gen.Byte.Array[0, 20].Select(bytes => (BusValue)new BusValue.Bytes([.. bytes])),
        Depth(levels - 1).Select(value => (BusValue)new BusValue.Variant(value)),
        Depth(levels - 1).Array[1, 4].Select(fields => (BusValue)new BusValue.Struct([.. fields])),
        // One value repeated has one type, and so has an array.
        Depth(levels - 1).Where(value => value is not BusValue.Byte).Select(Gen.Int[0, 4], (value, count) => (BusValue)new BusValue.Array(value.Signature, [.. Enumerable.Repeat(value, count)])),
        Texts.Array[0, 4].Select(Depth(levels - 1), (keys, value) => (BusValue)new BusValue.Dictionary(
            "s", value.Signature, [.. keys.Select(key => KeyValuePair.Create<BusValue, BusValue>(key, value))])));
}
