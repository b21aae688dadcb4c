using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using Qm.Fleet.BlueChi.Bus;

namespace Qm.Fleet.BlueChi;

/// <summary>A property of a unit, of whatever type systemd gives it.</summary>
public sealed class PropertyValue
{
    private PropertyValue(BusValue value) => Value = value;

    internal BusValue Value { get; }

    /// <summary>The D-Bus type.</summary>
    public string Signature => Value.Signature;

    /// <summary>A 64-bit number (<c>t</c>): sizes, weights, times.</summary>
    public static PropertyValue From(ulong value) => new(new BusValue.UInt64(value));

    /// <summary>A text (<c>s</c>).</summary>
    public static PropertyValue From(string value) => new(new BusValue.Text(value));

    /// <summary>A truth value (<c>b</c>).</summary>
    public static PropertyValue From(bool value) => new(new BusValue.Boolean(value));

    /// <summary>Bytes (<c>ay</c>), such as a mask of CPUs.</summary>
    public static PropertyValue From(ReadOnlySpan<byte> value) => new(new BusValue.Bytes([.. value]));

    /// <summary>A signed 32-bit number (<c>i</c>), such as a score.</summary>
    public static PropertyValue From(int value) => new(new BusValue.Int32(value));

    /// <summary>An unsigned 32-bit number (<c>u</c>), such as a share of 2^32 - 1.</summary>
    public static PropertyValue From(uint value) => new(new BusValue.UInt32(value));

    /// <summary>Texts (<c>as</c>).</summary>
    public static PropertyValue From(IEnumerable<string> values) => new(BusValue.Strings(values));

    /// <summary>Commands (<c>a(sasb)</c>), such as ExecStart.</summary>
    public static PropertyValue From(params IEnumerable<ExecCommand> commands) => new(new BusValue.Array("(sasb)",
        [.. commands.Select(command => new BusValue.Struct([command.Path, BusValue.Strings(command.Arguments), command.IgnoreFailure]))]));

    /// <summary>Paths, each with a number (<c>a(st)</c>), such as limits of devices.</summary>
    public static PropertyValue From(IEnumerable<KeyValuePair<string, ulong>> values) => new(new BusValue.Array("(st)",
        [.. values.Select(value => new BusValue.Struct([value.Key, value.Value]))]));

    internal static PropertyValue From(BusValue value) => new(value.AsInner());

    internal static IReadOnlyDictionary<string, PropertyValue> ReadAll(BusValue dictionary)
    {
        // Names may repeat on the wire; the last one counts, as it does for libraries that read into a map.
        var entries = dictionary.AsEntries();
        var properties = new Dictionary<string, PropertyValue>(entries.Length, StringComparer.Ordinal);
        foreach (var (name, value) in entries)
        {
            properties[name.AsText()] = From(value);
        }

        return properties;
    }

    /// <summary>The text of a string, object path or signature.</summary>
    public bool TryGetString([NotNullWhen(true)] out string? text)
    {
        text = Value is BusValue.Text or BusValue.ObjectPath or BusValue.TypeSignature ? Value.AsText() : null;
        return text is not null;
    }

    /// <summary>The number, if it is one and not negative.</summary>
    public bool TryGetUInt64(out ulong number)
    {
        number = Value is BusValue.UInt64 wide ? wide.Value : TryGetInt64(out var signed) && signed >= 0 ? (ulong)signed : 0;
        return Value is BusValue.UInt64 || (TryGetInt64(out signed) && signed >= 0);
    }

    /// <summary>The number, if it is one that fits.</summary>
    public bool TryGetInt64(out long number)
    {
        (var found, number) = Value switch
        {
            BusValue.Byte value => (true, value.Value),
            BusValue.Int16 value => (true, value.Value),
            BusValue.UInt16 value => (true, value.Value),
            BusValue.Int32 value => (true, value.Value),
            BusValue.UInt32 value => (true, value.Value),
            BusValue.Int64 value => (true, value.Value),
            BusValue.UInt64 { Value: <= long.MaxValue } value => (true, (long)value.Value),
            _ => (false, 0L),
        };
        return found;
    }

    /// <summary>The truth value, if it is one.</summary>
    public bool TryGetBoolean(out bool value)
    {
        value = Value is BusValue.Boolean { Value: true };
        return Value is BusValue.Boolean;
    }

    /// <summary>The bytes, if it is an array of them.</summary>
    public bool TryGetBytes(out ImmutableArray<byte> bytes)
    {
        bytes = Value is BusValue.Bytes value ? value.Value : [];
        return Value is BusValue.Bytes;
    }

    /// <summary>The items of an array, or the fields of a struct.</summary>
    public bool TryGetList(out ImmutableArray<PropertyValue> items)
    {
        items = Value is BusValue.Array or BusValue.Struct ? [.. Value.AsItems().Select(From)] : [];
        return Value is BusValue.Array or BusValue.Struct;
    }
}

/// <summary>A command that systemd runs.</summary>
/// <param name="Path">Absolute.</param>
/// <param name="Arguments">The first is the name it is called by, mostly the path again.</param>
/// <param name="IgnoreFailure">Whether another exit status than 0 is well, too.</param>
public sealed record ExecCommand(string Path, IReadOnlyList<string> Arguments, bool IgnoreFailure = false);

/// <summary>A property to be set.</summary>
/// <param name="Name">systemd's D-Bus name, such as MemoryHigh or CPUQuotaPerSecUSec.</param>
/// <param name="Value">Of exactly the type that systemd has for it.</param>
public sealed record UnitProperty(string Name, PropertyValue Value);
