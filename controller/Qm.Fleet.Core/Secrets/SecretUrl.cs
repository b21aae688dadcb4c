using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Qm.Fleet.Core.Secrets;

/// <summary>An address that may hold a secret: a user and a password before the host, or a signature in its query. What is printed of it holds neither.</summary>
/// <param name="text">The whole address.</param>
[DebuggerDisplay("{ToString(),nq}")]
[JsonConverter(typeof(SecretUrlJson))]
public sealed class SecretUrl(string text) : IEquatable<SecretUrl>
{
    [DebuggerBrowsable(DebuggerBrowsableState.Never)]
    private readonly string _text = text;

    /// <summary>Whether there is none.</summary>
    public bool IsEmpty => _text.Length == 0;

    /// <summary>The whole address, for who goes there.</summary>
    public string Reveal() => _text;

    /// <summary>The address as it may be told: such as <c>https://[redacted]@files.example/qm.tar?[redacted]</c>.</summary>
    public override string ToString()
    {
        var query = _text.IndexOfAny(['?', '#']);
        return Redactor.Redact(query < 0 ? _text : $"{_text[..query]}?").Text + (query < 0 ? "" : Redactor.Mark);
    }

    /// <inheritdoc/>
    public bool Equals(SecretUrl? other) => other is not null && new Secret(_text).Equals(new Secret(other._text));

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as SecretUrl);

    /// <inheritdoc/>
    public override int GetHashCode() => 0;

    /// <summary>Takes an address as it was written.</summary>
    public static implicit operator SecretUrl(string text) => new(text);

    /// <summary>Takes an address as it was written.</summary>
    public static SecretUrl FromString(string text) => new(text);
}

/// <summary>Writes what may be seen of an address, and reads none: what was written is not all of it.</summary>
public sealed class SecretUrlJson : JsonConverter<SecretUrl>
{
    /// <inheritdoc/>
    public override SecretUrl Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => throw new JsonException("an address is never read from JSON that shows it");

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, SecretUrl value, JsonSerializerOptions options) => writer.WriteStringValue(value.ToString());
}
