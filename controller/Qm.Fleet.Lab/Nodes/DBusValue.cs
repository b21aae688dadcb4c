namespace Qm.Fleet.Lab.Nodes;

/// <summary>A value as it travels in a D-Bus variant: its signature and the .NET value (<c>t</c> ulong, <c>u</c> uint, <c>i</c> int,
/// <c>s</c> string, <c>b</c> bool, <c>o</c> string, <c>ay</c> byte[], <c>as</c> string[]).</summary>
internal readonly record struct DBusValue(string Signature, object Value)
{
    public static DBusValue Text(string value) => new("s", value);

    public static DBusValue Strings(params string[] values) => new("as", values);

    public static DBusValue Flag(bool value) => new("b", value);

    public static DBusValue Unsigned(ulong value) => new("t", value);

    public static DBusValue Unsigned32(uint value) => new("u", value);

    public static DBusValue Signed32(int value) => new("i", value);

    public static DBusValue Bytes(byte[] value) => new("ay", value);
}
