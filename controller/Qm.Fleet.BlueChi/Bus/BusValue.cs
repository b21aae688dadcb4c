using System.Collections.Immutable;

namespace Qm.Fleet.BlueChi.Bus;

/// <summary>A D-Bus value of any type.</summary>
internal abstract record BusValue
{
    private BusValue()
    {
    }

    /// <summary>The type, one complete D-Bus signature.</summary>
    internal abstract string Signature { get; }

    internal string AsText() => this switch
    {
        Text value => value.Value,
        ObjectPath value => value.Value,
        TypeSignature value => value.Value,
        Variant value => value.Value.AsText(),
        _ => throw Wrong("a string"),
    };

    internal uint AsUInt32() => this is UInt32 value ? value.Value : throw Wrong("u");

    internal bool AsBoolean() => this is Boolean value ? value.Value : throw Wrong("b");

    internal ImmutableArray<BusValue> AsItems() => this switch
    {
        Array value => value.Items,
        Struct value => value.Fields,
        _ => throw Wrong("an array or a struct"),
    };

    internal ImmutableArray<KeyValuePair<BusValue, BusValue>> AsEntries() => this is Dictionary value ? value.Entries : throw Wrong("a dictionary");

    internal BusValue AsInner() => this is Variant value ? value.Value : this;

    private BusFormatException Wrong(string expected) => new($"expected {expected}, found {Signature}");

    internal sealed record Byte(byte Value) : BusValue
    {
        internal override string Signature => "y";
    }

    internal sealed record Boolean(bool Value) : BusValue
    {
        internal override string Signature => "b";
    }

    internal sealed record Int16(short Value) : BusValue
    {
        internal override string Signature => "n";
    }

    internal sealed record UInt16(ushort Value) : BusValue
    {
        internal override string Signature => "q";
    }

    internal sealed record Int32(int Value) : BusValue
    {
        internal override string Signature => "i";
    }

    internal sealed record UInt32(uint Value) : BusValue
    {
        internal override string Signature => "u";
    }

    internal sealed record Int64(long Value) : BusValue
    {
        internal override string Signature => "x";
    }

    internal sealed record UInt64(ulong Value) : BusValue
    {
        internal override string Signature => "t";
    }

    internal sealed record Double(double Value) : BusValue
    {
        internal override string Signature => "d";
    }

    /// <summary>A string without NUL.</summary>
    internal sealed record Text(string Value) : BusValue
    {
        internal override string Signature => "s";
    }

    internal sealed record ObjectPath(string Value) : BusValue
    {
        internal override string Signature => "o";
    }

    internal sealed record TypeSignature(string Value) : BusValue
    {
        internal override string Signature => "g";
    }

    /// <summary>A file descriptor; one that was read is a duplicate that the reader owns.</summary>
    internal sealed record FileDescriptor(int Value) : BusValue
    {
        internal override string Signature => "h";
    }

    /// <summary>A value with its type, to be taken apart where the type is known only at run time.</summary>
    internal sealed record Variant(BusValue Value) : BusValue
    {
        internal override string Signature => "v";
    }

    /// <summary>An array of bytes; kept apart from other arrays for its size.</summary>
    internal sealed record Bytes(ImmutableArray<byte> Value) : BusValue
    {
        internal override string Signature => "ay";

        public bool Equals(Bytes? other) => other is not null && Value.AsSpan().SequenceEqual(other.Value.AsSpan());

        public override int GetHashCode() => Value.Length;
    }

    /// <summary>An array of any other type.</summary>
    internal sealed record Array(string ItemSignature, ImmutableArray<BusValue> Items) : BusValue
    {
        internal override string Signature => "a" + ItemSignature;

        public bool Equals(Array? other) => other is not null && ItemSignature == other.ItemSignature && Items.SequenceEqual(other.Items);

        public override int GetHashCode() => HashCode.Combine(ItemSignature, Items.Length);
    }

    internal sealed record Struct(ImmutableArray<BusValue> Fields) : BusValue
    {
        internal override string Signature => $"({string.Concat(Fields.Select(value => value.Signature))})";

        public bool Equals(Struct? other) => other is not null && Fields.SequenceEqual(other.Fields);

        public override int GetHashCode() => Fields.Length;
    }

    /// <summary>A dictionary; entries in the order of the wire, keys may repeat there.</summary>
    internal sealed record Dictionary(string KeySignature, string ValueSignature, ImmutableArray<KeyValuePair<BusValue, BusValue>> Entries) : BusValue
    {
        internal override string Signature => $"a{{{KeySignature}{ValueSignature}}}";

        public bool Equals(Dictionary? other) => other is not null && Signature == other.Signature && Entries.SequenceEqual(other.Entries);

        public override int GetHashCode() => HashCode.Combine(Signature, Entries.Length);
    }

    public static implicit operator BusValue(string value) => new Text(value);

    public static implicit operator BusValue(bool value) => new Boolean(value);

    public static implicit operator BusValue(int value) => new Int32(value);

    public static implicit operator BusValue(uint value) => new UInt32(value);

    public static implicit operator BusValue(ulong value) => new UInt64(value);

    /// <summary>Strings as <c>as</c>.</summary>
    internal static BusValue Strings(IEnumerable<string> values) => new Array("s", [.. values.Select(value => (BusValue)value)]);

    /// <summary>Names with values of any type as <c>a{sv}</c>.</summary>
    internal static BusValue Properties(IEnumerable<KeyValuePair<string, BusValue>> values) =>
        new Dictionary("s", "v", [.. values.Select(pair => KeyValuePair.Create<BusValue, BusValue>(pair.Key, new Variant(pair.Value)))]);
}
