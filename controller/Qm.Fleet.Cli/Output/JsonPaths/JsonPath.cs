using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Qm.Fleet.Cli.Output.JsonPaths;

/// <summary>A path such as .items[*].metadata.name.</summary>
/// <param name="IsFromRoot">Whether it begins with $, at the document and not at the value in question.</param>
/// <param name="Steps">One after the other.</param>
internal sealed record JsonPath(bool IsFromRoot, IReadOnlyList<PathStep> Steps)
{
    /// <summary>Reads a path as kubectl takes it: with or without braces, $ and the first dot.</summary>
    /// <exception cref="JsonPathException">It is none.</exception>
    internal static JsonPath Parse(string text)
    {
        var parser = new JsonPathParser(text);
        return parser.ReadWholePath();
    }

    /// <summary>Everything the path leads to.</summary>
    internal IEnumerable<JsonNode> Select(JsonNode current, JsonNode root) =>
        Steps.Aggregate((IEnumerable<JsonNode>)[IsFromRoot ? root : current], (nodes, step) => nodes.SelectMany(node => step.From(node, root)));

    /// <summary>A value as text: strings bare, everything else as JSON on one line.</summary>
    internal static string Text(JsonNode node) => node is JsonValue value && value.GetValueKind() == JsonValueKind.String ? value.GetValue<string>() : Compact(node);

    private static string Compact(JsonNode node)
    {
        using var bytes = new MemoryStream();
        using (var writer = new Utf8JsonWriter(bytes, new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            node.WriteTo(writer);
        }

        return System.Text.Encoding.UTF8.GetString(bytes.ToArray());
    }
}
