using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Qm.Fleet.Core.Secrets;

/// <summary>A text that nobody may see: a token, a key, a password. Whatever prints it, formats it or writes it as JSON has <see cref="Mark"/>.</summary>
/// <remarks>Only <see cref="Reveal"/> gives it away, so that every place that does is found by that name. Two are compared in constant time.</remarks>
/// <param name="text">The text; null is an empty one.</param>
[DebuggerDisplay(Mark)]
[JsonConverter(typeof(SecretJson))]
public sealed class Secret(string? text) : IEquatable<Secret>, ISpanFormattable
{
    /// <summary>Stands for every secret.</summary>
    public const string Mark = "***";

    [DebuggerBrowsable(DebuggerBrowsableState.Never)]
    private readonly string _text = text ?? "";

    /// <summary>Whether there is none.</summary>
    public bool IsEmpty => _text.Length == 0;

    /// <summary>The text, for whom it is meant: a file of the owner's own, a header over TLS, the one who just made it.</summary>
    public string Reveal() => _text;

    /// <inheritdoc/>
    public override string ToString() => Mark;

    /// <inheritdoc/>
    public string ToString(string? format, IFormatProvider? formatProvider) => Mark;

    /// <inheritdoc/>
    public bool TryFormat(Span<char> destination, out int charsWritten, ReadOnlySpan<char> format, IFormatProvider? provider)
    {
        var fits = Mark.TryCopyTo(destination);
        charsWritten = fits ? Mark.Length : 0;
        return fits;
    }

    /// <summary>Whether both are the same, in a time that tells nothing but of the length.</summary>
    public bool Equals([NotNullWhen(true)] Secret? other) => other is not null && CryptographicOperations.FixedTimeEquals(Bytes(_text), Bytes(other._text));

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as Secret);

    /// <summary>The same for all: a hash of what is secret would tell of it.</summary>
    public override int GetHashCode() => 0;

    private static ReadOnlySpan<byte> Bytes(string text) => MemoryMarshal.AsBytes(text.AsSpan());
}

/// <summary>Writes what may be seen of a secret, and reads none: what is read from JSON was nobody's secret.</summary>
public sealed class SecretJson : JsonConverter<Secret>
{
    /// <inheritdoc/>
    public override Secret Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => throw new JsonException("a secret is never read from JSON");

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, Secret value, JsonSerializerOptions options) => writer.WriteStringValue(Secret.Mark);
}
