using System.Collections.Immutable;
using System.Text.Json;

namespace Qm.Fleet.Controller.Storage;

/// <summary>What rows of several tables have in common.</summary>
internal static class Rows
{
    /// <summary>Labels as they lie in a row: a JSON object of texts, keys sorted.</summary>
    public static string Write(IReadOnlyDictionary<string, string> labels)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            foreach (var (key, value) in labels.OrderBy(static label => label.Key, StringComparer.Ordinal))
            {
                json.WriteString(key, value);
            }
            json.WriteEndObject();
        }
        return System.Text.Encoding.UTF8.GetString(stream.GetBuffer().AsSpan(0, (int)stream.Length));
    }

    /// <summary>Labels of a row.</summary>
    public static ImmutableSortedDictionary<string, string> Labels(string table, string key, string json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            return document.RootElement.EnumerateObject().ToImmutableSortedDictionary(
                static label => label.Name, static label => label.Value.GetString()!, StringComparer.Ordinal);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or ArgumentException)
        {
            throw new CorruptRowException(table, key, $"its labels do not read: {e.Message}", e);
        }
    }

    /// <summary>A stored number as a member of its enumeration.</summary>
    public static T Defined<T>(string table, string key, long number)
        where T : struct, Enum =>
        Enum.IsDefined(typeof(T), (int)number)
            ? (T)Enum.ToObject(typeof(T), number)
            : throw new CorruptRowException(table, key, $"{number} is not a {typeof(T).Name} this version knows.");
}
