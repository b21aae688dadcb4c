using System.Buffers.Text;
using System.Globalization;
using System.Text.Json;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;

namespace Qm.Fleet.Controller.Rest;

/// <summary>What a field takes in JSON, and how one says that it is something else.</summary>
internal static class JsonType
{
    /// <summary>Whether a value of a field is one word, so that a query can hold it.</summary>
    public static bool IsText(FieldDescriptor field) => field.FieldType is not FieldType.Message || IsTextMessage(field.MessageType);

    /// <summary>Whether a message is a string in JSON.</summary>
    public static bool IsTextMessage(MessageDescriptor message) =>
        message == Timestamp.Descriptor || message == Duration.Descriptor || message == FieldMask.Descriptor;

    /// <summary>What is wrong with a value that is a word: of a query, or a string of a body.</summary>
    /// <returns>What is wrong; null when it is good.</returns>
    public static string? CheckText(FieldDescriptor field, string text) => field.FieldType switch
    {
        FieldType.String => null,
        FieldType.Bool => text is "true" or "false" ? null : $"\"{Short(text)}\" is neither true nor false",
        FieldType.Bytes => Base64.IsValid(text) ? null : "it is not base64",
        FieldType.Enum => IsNameOf(field.EnumType, text) ? null
            : $"\"{Short(text)}\" is none of {string.Join(", ", field.EnumType.Values.Select(static value => value.Name))}",
        FieldType.Int32 or FieldType.SInt32 or FieldType.SFixed32 => int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _)
            ? null : $"\"{Short(text)}\" is not a whole number of 32 bits",
        FieldType.UInt32 or FieldType.Fixed32 => uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out _)
            ? null : $"\"{Short(text)}\" is not a whole number of 32 bits, 0 or more",
        FieldType.Int64 or FieldType.SInt64 or FieldType.SFixed64 => long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _)
            ? null : $"\"{Short(text)}\" is not a whole number of 64 bits",
        FieldType.UInt64 or FieldType.Fixed64 => ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out _)
            ? null : $"\"{Short(text)}\" is not a whole number of 64 bits, 0 or more",
        FieldType.Double or FieldType.Float => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out _)
            ? null : $"\"{Short(text)}\" is not a number",
        FieldType.Message when field.MessageType == Timestamp.Descriptor => Reads(Timestamp.Parser, text) ? null
            : $"\"{Short(text)}\" is not a time such as 2026-03-01T12:00:00Z",
        FieldType.Message when field.MessageType == Duration.Descriptor => Reads(Duration.Parser, text) ? null
            : $"\"{Short(text)}\" is not a duration in seconds such as 90s or 0.5s",
        FieldType.Message when field.MessageType == FieldMask.Descriptor => Reads(FieldMask.Parser, text) ? null
            : $"\"{Short(text)}\" is not a list of fields such as metadata.labels,spec",
        _ => $"expected {Expected(field)}",
    };

    /// <summary>Whether a number of a body, at which the reader stands, is one that the field takes.</summary>
    public static bool TakesNumber(FieldDescriptor field, ref Utf8JsonReader reader) => field.FieldType switch
    {
        FieldType.Int32 or FieldType.SInt32 or FieldType.SFixed32 or FieldType.Enum => reader.TryGetInt32(out _),
        FieldType.UInt32 or FieldType.Fixed32 => reader.TryGetUInt32(out _),
        FieldType.Int64 or FieldType.SInt64 or FieldType.SFixed64 => reader.TryGetInt64(out _),
        FieldType.UInt64 or FieldType.Fixed64 => reader.TryGetUInt64(out _),
        FieldType.Double or FieldType.Float => reader.TryGetDouble(out _),
        _ => false,
    };

    /// <summary>Whether the field takes a string in a body; whole numbers of 64 bits do, smaller ones are numbers.</summary>
    public static bool TakesString(FieldDescriptor field) => field.FieldType
        is FieldType.String or FieldType.Bytes or FieldType.Enum or FieldType.Int64 or FieldType.SInt64 or FieldType.SFixed64 or FieldType.UInt64 or FieldType.Fixed64
        || (field.FieldType is FieldType.Message && IsTextMessage(field.MessageType));

    /// <summary>What the field takes, for a sentence that begins with "expected".</summary>
    public static string Expected(FieldDescriptor field) => field.FieldType switch
    {
        FieldType.String => "a string",
        FieldType.Bool => "true or false",
        FieldType.Bytes => "a string of base64",
        FieldType.Enum => $"one of {string.Join(", ", field.EnumType.Values.Select(static value => value.Name))}",
        FieldType.Double or FieldType.Float => "a number",
        FieldType.Message when IsTextMessage(field.MessageType) => "a string",
        FieldType.Message => "an object",
        _ => "a whole number",
    };

    /// <summary>As much of a text as an answer repeats.</summary>
    public static string Short(string text) => text.Length <= 64 ? text : string.Concat(text.AsSpan(0, 64), "...");

    private static bool IsNameOf(EnumDescriptor type, string text) =>
        type.FindValueByName(text) is not null || int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _);

    private static bool Reads(MessageParser parser, string text)
    {
        try
        {
            parser.ParseJson(JsonSerializer.Serialize(text, JsonText.Default.String));
            return true;
        }
        catch (Exception e) when (e is InvalidProtocolBufferException or InvalidJsonException or FormatException or ArgumentException or OverflowException)
        {
            return false;
        }
    }
}
