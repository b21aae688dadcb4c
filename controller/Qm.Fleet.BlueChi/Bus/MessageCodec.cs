using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Text;

namespace Qm.Fleet.BlueChi.Bus;

/// <summary>Reads and writes the body of a message; only by who holds the gate of its connection.</summary>
internal static unsafe class MessageCodec
{
    // The D-Bus specification allows 64 levels of containers; the message is checked by sd-bus, our own stack is not.
    private const int MaxDepth = 64;

    /// <summary>Reads a body, or as many of its values from the first one on.</summary>
    internal static ImmutableArray<BusValue> ReadBody(nint message, int most = int.MaxValue)
    {
        var body = ImmutableArray.CreateBuilder<BusValue>(4);
        while (body.Count < most && Peek(message, out var type, out var contents))
        {
            body.Add(Read(message, type, contents, 0));
        }

        return body.DrainToImmutable();
    }

    internal static void WriteBody(nint message, ReadOnlySpan<BusValue> body)
    {
        foreach (var value in body)
        {
            Write(message, value);
        }
    }

    private static bool Peek(nint message, out byte type, out byte* contents) => Check(SdBus.PeekType(message, out type, out contents), "peek") > 0;

    private static BusValue Read(nint message, byte type, byte* contents, int depth)
    {
        if (depth > MaxDepth)
        {
            throw new BusFormatException($"the message nests deeper than {MaxDepth} levels");
        }

        return (char)type switch
        {
            'a' when contents[0] == 'y' => ReadBytes(message),
            'a' when contents[0] == '{' => ReadDictionary(message, contents, depth),
            'a' => ReadArray(message, contents, depth),
            'r' => ReadStruct(message, contents, depth),
            'v' => ReadVariant(message, contents, depth),
            _ => ReadBasic(message, type) ?? throw TooShort(),
        };
    }

    // One value inside a container, the first character of whose signature is known: a basic one needs no look ahead.
    private static BusValue ReadNext(nint message, byte first, int depth)
    {
        if (first is not ((byte)'a' or (byte)'(' or (byte)'v'))
        {
            return ReadBasic(message, first) ?? throw TooShort();
        }

        return Peek(message, out var type, out var contents) ? Read(message, type, contents, depth) : throw TooShort();
    }

    // Null at the end of an array.
    private static BusValue? ReadBasic(nint message, byte type)
    {
        // Wide enough for every basic type.
        ulong raw = 0;
        if (Check(SdBus.ReadBasic(message, type, &raw), "read") == 0)
        {
            return null;
        }

        return (char)type switch
        {
            's' => new BusValue.Text(SdBus.Text(*(byte**)&raw)),
            'o' => new BusValue.ObjectPath(SdBus.Text(*(byte**)&raw)),
            'g' => new BusValue.TypeSignature(SdBus.Text(*(byte**)&raw)),
            'y' => new BusValue.Byte(*(byte*)&raw),
            'b' => new BusValue.Boolean(*(int*)&raw != 0),
            'n' => new BusValue.Int16(*(short*)&raw),
            'q' => new BusValue.UInt16(*(ushort*)&raw),
            'i' => new BusValue.Int32(*(int*)&raw),
            'u' => new BusValue.UInt32(*(uint*)&raw),
            'x' => new BusValue.Int64(*(long*)&raw),
            't' => new BusValue.UInt64(raw),
            'd' => new BusValue.Double(*(double*)&raw),
            // The message closes its descriptors when it goes; the reader gets one of its own.
            'h' => new BusValue.FileDescriptor(Libc.Duplicate(*(int*)&raw)),
            var other => throw new BusFormatException($"unknown type '{other}'"),
        };
    }

    private static BusValue.Array ReadArray(nint message, byte* contents, int depth)
    {
        var (signature, first) = (SdBus.Text(contents), contents[0]);
        Enter(message, 'a', contents);
        var items = ImmutableArray.CreateBuilder<BusValue>();
        if (first is (byte)'a' or (byte)'(' or (byte)'v')
        {
            while (Peek(message, out var type, out var inner))
            {
                items.Add(Read(message, type, inner, depth + 1));
            }
        }
        else
        {
            while (ReadBasic(message, first) is { } item)
            {
                items.Add(item);
            }
        }

        Exit(message);
        return new(signature, items.DrainToImmutable());
    }

    private static BusValue.Struct ReadStruct(nint message, byte* contents, int depth)
    {
        Enter(message, 'r', contents);
        var fields = ImmutableArray.CreateBuilder<BusValue>();
        while (Peek(message, out var type, out var inner))
        {
            fields.Add(Read(message, type, inner, depth + 1));
        }

        Exit(message);
        return new(fields.DrainToImmutable());
    }

    private static BusValue.Variant ReadVariant(nint message, byte* contents, int depth)
    {
        var first = contents[0];
        Enter(message, 'v', contents);
        var value = ReadNext(message, first, depth + 1);
        Exit(message);
        return new(value);
    }

    private static BusValue.Dictionary ReadDictionary(nint message, byte* contents, int depth)
    {
        // Such as {sv}: sd-bus wants the inside without its braces for an entry.
        var signature = SdBus.Text(contents);
        var (keyType, valueType, key, value) = (contents[1], contents[2], signature[1..2], signature[2..^1]);
        Enter(message, 'a', contents);
        var entries = ImmutableArray.CreateBuilder<KeyValuePair<BusValue, BusValue>>();
        while (Peek(message, out var type, out var entry))
        {
            Enter(message, (char)type, entry);
            var name = ReadNext(message, keyType, depth + 2);
            entries.Add(new(name, ReadNext(message, valueType, depth + 2)));
            Exit(message);
        }

        Exit(message);
        return new(key, value, entries.DrainToImmutable());
    }

    private static BusValue.Bytes ReadBytes(nint message)
    {
        Check(SdBus.ReadArray(message, (byte)'y', out var start, out var count), "read bytes");
        return new BusValue.Bytes([.. new ReadOnlySpan<byte>(start, checked((int)count))]);
    }

    private static void Enter(nint message, char container, byte* contents) =>
        Check(SdBus.EnterContainer(message, (byte)container, contents), "enter container");

    private static void Exit(nint message) => Check(SdBus.ExitContainer(message), "exit container");

    private static BusFormatException TooShort() => new("the message ends before its signature does");

    private static void Write(nint message, BusValue value)
    {
        switch (value)
        {
            case BusValue.Byte basic: WriteBasic(message, 'y', basic.Value); break;
            case BusValue.Boolean basic: WriteBasic(message, 'b', basic.Value ? 1 : 0); break;
            case BusValue.Int16 basic: WriteBasic(message, 'n', basic.Value); break;
            case BusValue.UInt16 basic: WriteBasic(message, 'q', basic.Value); break;
            case BusValue.Int32 basic: WriteBasic(message, 'i', basic.Value); break;
            case BusValue.UInt32 basic: WriteBasic(message, 'u', basic.Value); break;
            case BusValue.Int64 basic: WriteBasic(message, 'x', basic.Value); break;
            case BusValue.UInt64 basic: WriteBasic(message, 't', basic.Value); break;
            case BusValue.Double basic: WriteBasic(message, 'd', basic.Value); break;
            case BusValue.FileDescriptor basic: WriteBasic(message, 'h', basic.Value); break;
            case BusValue.Text text: WriteText(message, 's', text.Value); break;
            case BusValue.ObjectPath text: WriteText(message, 'o', text.Value); break;
            case BusValue.TypeSignature text: WriteText(message, 'g', text.Value); break;
            case BusValue.Bytes bytes: WriteBytes(message, bytes.Value); break;
            case BusValue.Variant variant: WriteItems(message, 'v', variant.Value.Signature, [variant.Value]); break;
            case BusValue.Array array: WriteItems(message, 'a', array.ItemSignature, array.Items); break;
            case BusValue.Struct fields: WriteItems(message, 'r', fields.Signature[1..^1], fields.Fields); break;
            case BusValue.Dictionary dictionary: WriteDictionary(message, dictionary); break;
            default: throw new BusFormatException($"cannot write {value.GetType().Name}");
        }
    }

    private static void WriteItems(nint message, char container, string contents, ImmutableArray<BusValue> items)
    {
        Check(SdBus.OpenContainer(message, (byte)container, contents), "open container");
        WriteBody(message, items.AsSpan());
        Check(SdBus.CloseContainer(message), "close container");
    }

    private static void WriteDictionary(nint message, BusValue.Dictionary dictionary)
    {
        Check(SdBus.OpenContainer(message, (byte)'a', dictionary.Signature[1..]), "open dictionary");
        foreach (var (key, value) in dictionary.Entries)
        {
            WriteItems(message, 'e', dictionary.KeySignature + dictionary.ValueSignature, [key, value]);
        }

        Check(SdBus.CloseContainer(message), "close dictionary");
    }

    private static void WriteBasic<T>(nint message, char type, T value)
        where T : unmanaged => Check(SdBus.AppendBasic(message, (byte)type, &value), "append");

    private static void WriteText(nint message, char type, string value)
    {
        if (value.Contains('\0'))
        {
            throw new BusFormatException("a string on the bus cannot hold NUL");
        }

        fixed (byte* bytes = Encoding.UTF8.GetBytes(value + '\0'))
        {
            Check(SdBus.AppendBasic(message, (byte)type, bytes), "append text");
        }
    }

    private static void WriteBytes(nint message, ImmutableArray<byte> value)
    {
        fixed (byte* bytes = value.AsSpan())
        {
            Check(SdBus.AppendArray(message, (byte)'y', bytes, (nuint)value.Length), "append bytes");
        }
    }

    private static int Check(int result, string what) =>
        result >= 0 ? result : throw new BusFormatException($"{what}: {Marshal.GetPInvokeErrorMessage(-result)}");
}
