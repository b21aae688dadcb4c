using System.Buffers;
using System.Buffers.Text;
using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Qm.Fleet.Controller.Api.Lists;

/// <summary>Opaque texts that remember a place for a client: of a list where its last item stood, of a watch what was told last.</summary>
/// <remarks>
/// A token says where something stood and not how far a list was read, so it stays good while resources come and go. It is bound to the question it was answered to.
/// It holds nothing that the client may not see, and whatever comes back is checked like any input.
/// </remarks>
internal static class PageToken
{
    /// <summary>The longest token that is read.</summary>
    public const int MaxLength = 8192;

    private static readonly JsonWriterOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>A token of a place.</summary>
    /// <param name="question">What was asked, in one way for the same.</param>
    /// <param name="position">The place.</param>
    public static string Write(string question, ImmutableArray<SortValue> position)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, Plain))
        {
            json.WriteStartArray();
            json.WriteStringValue(Mark(question, position));
            foreach (var value in position)
            {
                if (value.Text is null)
                {
                    json.WriteNumberValue(value.Number);
                }
                else
                {
                    json.WriteStringValue(value.Text);
                }
            }

            json.WriteEndArray();
        }

        return Base64Url.EncodeToString(buffer.WrittenSpan);
    }

    /// <summary>The place of a token; null when it is no token, or was answered to another question.</summary>
    /// <param name="question">What is asked.</param>
    /// <param name="token">The token.</param>
    /// <param name="shape">Which parts a place has, each true for a text.</param>
    public static ImmutableArray<SortValue>? Read(string question, string token, ImmutableArray<bool> shape)
    {
        if (token.Length > MaxLength || !Base64Url.IsValid(token))
        {
            return null;
        }

        try
        {
            using var json = JsonDocument.Parse(Base64Url.DecodeFromChars(token), new JsonDocumentOptions { MaxDepth = 1 });
            var values = json.RootElement.ValueKind == JsonValueKind.Array ? json.RootElement.EnumerateArray().ToList() : [];
            if (values.Count != shape.Length + 1 || values[0].ValueKind != JsonValueKind.String)
            {
                return null;
            }

            var position = ImmutableArray.CreateBuilder<SortValue>(shape.Length);
            foreach (var (value, isText) in values.Skip(1).Zip(shape))
            {
                if (isText && value.ValueKind == JsonValueKind.String)
                {
                    position.Add(value.GetString()!);
                }
                else if (!isText && value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var number))
                {
                    position.Add(number);
                }
                else
                {
                    return null;
                }
            }

            var place = position.MoveToImmutable();
            return values[0].GetString() == Mark(question, place) ? place : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // What was tampered with is no JSON, or has half a character in it.
            return null;
        }
    }

    // Of the place, too: one that was changed is no place that anybody was told. It is no secret, for what a caller may not see is left out wherever it begins.
    private static string Mark(string question, ImmutableArray<SortValue> position)
    {
        var place = string.Concat(position.Select(static value => value.Text is { } text ? $"\0t{text}" : string.Create(CultureInfo.InvariantCulture, $"\0n{value.Number}")));
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(question + place)).AsSpan(0, 8));
    }
}
