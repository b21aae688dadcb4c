using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Google.Protobuf;

namespace Qm.Fleet.Cli.Output;

/// <summary>Messages of the API as text: protobuf's JSON, and the same as YAML.</summary>
internal static partial class ApiText
{
    private static readonly JsonFormatter Formatter = new(JsonFormatter.Settings.Default.WithFormatDefaultValues(false));

    // For terminals and files, not for HTML.
    private static readonly JsonWriterOptions Indented = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private static readonly JsonWriterOptions Compact = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>JSON, indented; the only message as itself, else all under <c>items</c>.</summary>
    internal static string Json(IReadOnlyList<IMessage> messages, bool isOne) => Write(Tree(messages, isOne), Indented);

    /// <summary>JSON, indented.</summary>
    internal static string Json(JsonNode node) => Write(node, Indented);

    /// <summary>JSON on one line, for streams.</summary>
    internal static string JsonLine(IMessage message) => Write(Tree(message), Compact);

    /// <summary>YAML, of the same tree as JSON.</summary>
    internal static string Yaml(IReadOnlyList<IMessage> messages, bool isOne) => Spelled(YamlText.Of(Tree(messages, isOne)));

    /// <summary>A message as JSON has it.</summary>
    internal static JsonNode Tree(IMessage message) => JsonNode.Parse(Formatter.Format(message))!;

    /// <summary>The only message as itself, else all under <c>items</c>.</summary>
    internal static JsonNode Tree(IReadOnlyList<IMessage> messages, bool isOne) =>
        isOne ? Tree(messages.Single()) : new JsonObject { ["items"] = new JsonArray([.. messages.Select(Tree)]) };

    /// <summary>Writes one answer in a format that is not for people.</summary>
    internal static async Task WriteAsync(TextWriter writer, IReadOnlyList<IMessage> messages, bool isOne, OutputFormat format)
    {
        switch (format)
        {
            case OutputFormat.Json:
                await writer.WriteLineAsync(Json(messages, isOne));
                break;
            case OutputFormat.Yaml:
                await writer.WriteLineAsync(Yaml(messages, isOne));
                break;
            case OutputFormat.Path path:
                // The next line begins on a line of its own, also where the template does not say so.
                var text = path.Template.Render(Tree(messages, isOne));
                await writer.WriteAsync(PlainText.Lines(text.EndsWith('\n') ? text : text + "\n"));
                break;
            case OutputFormat.Columns columns:
                var table = new Table(columns.Of.Header);
                foreach (var message in messages)
                {
                    table.Add(columns.Of.Of(Tree(message)));
                }

                await table.WriteAsync(writer, width: null);
                break;
            default:
                throw new NotSupportedException($"{format} is for people, or of another verb");
        }
    }

    private static string Write(JsonNode node, JsonWriterOptions options)
    {
        using var bytes = new MemoryStream();
        using (var writer = new Utf8JsonWriter(bytes, options))
        {
            node.WriteTo(writer);
        }

        return Spelled(Encoding.UTF8.GetString(bytes.GetBuffer().AsSpan(0, (int)bytes.Length)));
    }

    // What turns the direction of text stands in quoted strings only, where it can be written as what it is.
    private static string Spelled(string text) =>
        Formats().Replace(text, static found => string.Create(CultureInfo.InvariantCulture, $"\\u{(int)found.Value[0]:x4}"));

    [GeneratedRegex("\\p{Cf}")]
    private static partial Regex Formats();
}
