using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Google.Protobuf;
using YamlDotNet.Serialization;

namespace Qm.Fleet.Cli.Output;

/// <summary>Messages of the API as text: protobuf's JSON, and the same as YAML.</summary>
internal static class ApiText
{
    private static readonly JsonFormatter Formatter = new(JsonFormatter.Settings.Default.WithFormatDefaultValues(false));

    // For terminals and files, not for HTML.
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>JSON, indented; the only message as itself, else all under <c>items</c>.</summary>
    internal static string Json(IReadOnlyList<IMessage> messages, bool isOne) => Tree(messages, isOne).ToJsonString(Indented);

    /// <summary>YAML of what <see cref="Json"/> writes.</summary>
    internal static string Yaml(IReadOnlyList<IMessage> messages, bool isOne) =>
        new SerializerBuilder().WithQuotingNecessaryStrings().WithIndentedSequences().Build().Serialize(Plain(Tree(messages, isOne))!).TrimEnd('\n');

    private static JsonNode Tree(IReadOnlyList<IMessage> messages, bool isOne)
    {
        var nodes = messages.Select(message => JsonNode.Parse(Formatter.Format(message))).ToArray();
        return isOne ? nodes.Single()! : new JsonObject { ["items"] = new JsonArray(nodes) };
    }

    private static object? Plain(JsonNode? node) => node switch
    {
        JsonObject map => map.ToDictionary(pair => pair.Key, pair => Plain(pair.Value)),
        JsonArray list => list.Select(Plain).ToList(),
        JsonValue value when value.TryGetValue<bool>(out var truth) => truth,
        JsonValue value when value.TryGetValue<long>(out var number) => number,
        JsonValue value when value.TryGetValue<double>(out var number) => number,
        JsonValue value => value.ToString(),
        _ => null,
    };
}
