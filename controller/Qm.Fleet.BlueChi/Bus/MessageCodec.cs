using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Text;

namespace Qm.Fleet.BlueChi.Bus;

/// <summary>Reads and writes the body of a message; only on the thread of its connection.</summary>
internal static unsafe class MessageCodec
{
    // The D-Bus specification allows 64 levels of containers; the message is checked by sd-bus, our own stack is not.
    private const int MaxDepth = 64;

    /// <summary>Reads a body, or as many of its values from the first one on.</summary>
    internal static ImmutableArray<BusValue> ReadBody(nint message, int most = int.MaxValue)
    {
        var body = ImmutableArray.CreateBuilder<BusValue>();
        while (body.Count < most && Peek(message, out var type, out var contents))
        {
            body.Add(Read(message, type, contents, 0));
        }

        return body.ToImmutable();
    }

    internal static void WriteBody(nint message, ReadOnlySpan<BusValue> body)
    {
        foreach (var value in body)
        {
            Write(message, value);
        }
    }

    private static bool Peek(nint message, out byte type, out string contents)
    {
        var more = Check(SdBus.PeekType(message, out type, out var pointer), "peek") > 0;
        contents = more && pointer is not null ? SdBus.Text(pointer) : "";
        return more;
    }

    private static BusValue Read(nint message, byte type, string contents, int depth)
    {
        if (depth > MaxDepth)
        {
            throw new BusFormatException($"the message nests deeper than {MaxDepth} levels");
        }

        return (char)type switch
        {
            'a' when contents == "y" => ReadBytes(message),
            'a' when contents.StartsWith('{') => ReadDictionary(message, contents, depth),
            'a' => new BusValue.Array(contents, ReadItems(message, 'a', contents, depth)),
            'r' => new BusValue.Struct(ReadItems(message, 'r', contents, depth)),
            'v' => new BusValue.Variant(ReadItems(message, 'v', contents, depth)[0]),
            's' => new BusValue.Text(ReadText(message, type)),
            'o' => new BusValue.ObjectPath(ReadText(message, type)),
            'g' => new BusValue.TypeSignature(ReadText(message, type)),
            'y' => new BusValue.Byte(ReadBasic<byte>(message, type)),
            'b' => new BusValue.Boolean(ReadBasic<int>(message, type) != 0),
            'n' => new BusValue.Int16(ReadBasic<short>(message, type)),
            'q' => new BusValue.UInt16(ReadBasic<ushort>(message, type)),
            'i' => new BusValue.Int32(ReadBasic<int>(message, type)),
            'u' => new BusValue.UInt32(ReadBasic<uint>(message, type)),
            'x' => new BusValue.Int64(ReadBasic<long>(message, type)),
            't' => new BusValue.UInt64(ReadBasic<ulong>(message, type)),
            'd' => new BusValue.Double(ReadBasic<double>(message, type)),
            // The message closes its descriptors when it goes; the reader gets one of its own.
            'h' => new BusValue.FileDescriptor(Libc.Duplicate(ReadBasic<int>(message, type))),
            var other => throw new BusFormatException($"unknown type '{other}'"),
        };
    }

    private static ImmutableArray<BusValue> ReadItems(nint message, char container, string contents, int depth)
    {
        Enter(message, container, contents);
        var items = ImmutableArray.CreateBuilder<BusValue>();
        while (Peek(message, out var type, out var inner))
        {
            items.Add(Read(message, type, inner, depth + 1));
        }

        Check(SdBus.ExitContainer(message), "exit container");
        return items.ToImmutable();
    }

    private static BusValue.Dictionary ReadDictionary(nint message, string contents, int depth)
    {
        var (key, value) = (contents[1..2], contents[2..^1]);
        Enter(message, 'a', contents);
        var entries = ImmutableArray.CreateBuilder<KeyValuePair<BusValue, BusValue>>();
        while (Peek(message, out _, out var entry))
        {
            var fields = ReadItems(message, 'e', entry, depth + 1);
            entries.Add(new(fields[0], fields[1]));
        }

        Check(SdBus.ExitContainer(message), "exit container");
        return new BusValue.Dictionary(key, value, entries.ToImmutable());
    }

    private static BusValue.Bytes ReadBytes(nint message)
    {
        Check(SdBus.ReadArray(message, (byte)'y', out var start, out var count), "read bytes");
        return new BusValue.Bytes([.. new ReadOnlySpan<byte>(start, checked((int)count))]);
    }

    private static T ReadBasic<T>(nint message, byte type)
        where T : unmanaged
    {
        T value;
        Check(SdBus.ReadBasic(message, type, &value), "read");
        return value;
    }

    private static string ReadText(nint message, byte type)
    {
        byte* text;
        Check(SdBus.ReadBasic(message, type, &text), "read text");
        return SdBus.Text(text);
    }

    private static void Enter(nint message, char container, string contents)
    {
        var bytes = Encoding.UTF8.GetBytes(contents + '\0');
        fixed (byte* pointer = bytes)
        {
            Check(SdBus.EnterContainer(message, (byte)container, pointer), "enter container");
        }
    }

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
