using System.Text.Json;
using System.Text.Json.Nodes;
using Google.Protobuf;
using YamlDotNet.Serialization;

namespace Qm.Fleet.Cli.Output;

/// <summary>Prints resources as the API has them.</summary>
internal static class Printer
{
    internal const string Table = "table";
    internal const string Wide = "wide";

    private static readonly JsonFormatter Formatter = new(JsonFormatter.Settings.Default.WithFormatDefaultValues(false));
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    internal static readonly string[] Formats = [Table, Wide, "json", "yaml", "name"];

    /// <summary>Prints one resource, or a list of them under <c>items</c>.</summary>
    internal static async Task WriteAsync(TextWriter writer, string format, string kind, IReadOnlyList<(string Name, IMessage Resource)> resources, bool isList)
    {
        if (format == "name")
        {
            foreach (var (name, _) in resources)
            {
                await writer.WriteLineAsync($"{kind}/{name}");
            }

            return;
        }

        var nodes = resources.Select(resource => JsonNode.Parse(Formatter.Format(resource.Resource))).ToArray();
        var root = isList ? new JsonObject { ["items"] = new JsonArray(nodes) } : nodes[0]!;
        await writer.WriteLineAsync(format == "json" ? root.ToJsonString(Indented) : Yaml(root));
    }

    private static string Yaml(JsonNode root) => new SerializerBuilder().WithQuotingNecessaryStrings().Build().Serialize(Plain(root)!).TrimEnd();

    private static object? Plain(JsonNode? node) => node switch
    {
        JsonObject map => map.ToDictionary(pair => pair.Key, pair => Plain(pair.Value)),
        JsonArray list => list.Select(Plain).ToList(),
        JsonValue value when value.TryGetValue<bool>(out var truth) => truth,
        JsonValue value when value.TryGetValue<long>(out var number) => number,
        JsonValue value => value.ToString(),
        _ => null,
    };
}
