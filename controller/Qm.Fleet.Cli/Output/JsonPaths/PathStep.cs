using System.Text.Json.Nodes;

namespace Qm.Fleet.Cli.Output.JsonPaths;

/// <summary>One step of a path: from a value to those below it. What is not there leads nowhere and is no error, as with kubectl.</summary>
internal abstract record PathStep
{
    /// <summary>The values that the step leads to, in the order of the document; null is none.</summary>
    internal abstract IEnumerable<JsonNode> From(JsonNode node, JsonNode root);

    /// <summary>.name or ['name'].</summary>
    internal sealed record Field(string Name) : PathStep
    {
        internal override IEnumerable<JsonNode> From(JsonNode node, JsonNode root) => node is JsonObject map && map[Name] is { } value ? [value] : [];
    }

    /// <summary>.* or [*].</summary>
    internal sealed record Wildcard : PathStep
    {
        internal override IEnumerable<JsonNode> From(JsonNode node, JsonNode root) => Below(node);
    }

    /// <summary>..: the value itself and everything below it, which the next step is then made from.</summary>
    internal sealed record Descent : PathStep
    {
        internal override IEnumerable<JsonNode> From(JsonNode node, JsonNode root) => Below(node).SelectMany(below => From(below, root)).Prepend(node);
    }

    /// <summary>[start:end:step] of a list, negative numbers from its end; null for as far as it goes.</summary>
    internal sealed record Slice(int? Start, int? End, int Step) : PathStep
    {
        internal override IEnumerable<JsonNode> From(JsonNode node, JsonNode root)
        {
            if (node is not JsonArray list)
            {
                yield break;
            }

            var end = FromEnd(End ?? list.Count, list);
            for (var index = FromEnd(Start ?? 0, list); index < end; index += Step)
            {
                if (list[(int)index] is { } item)
                {
                    yield return item;
                }
            }
        }

        private static long FromEnd(int index, JsonArray list) => Math.Clamp(index < 0 ? (long)list.Count + index : index, 0, list.Count);
    }

    /// <summary>[index] of a list, a negative one from its end.</summary>
    internal sealed record Item(int Index) : PathStep
    {
        internal override IEnumerable<JsonNode> From(JsonNode node, JsonNode root) =>
            node is JsonArray list && (Index < 0 ? (long)list.Count + Index : Index) is var index && index >= 0 && index < list.Count && list[(int)index] is { } item ? [item] : [];
    }

    /// <summary>[a,b]: several steps from the same value, one after the other.</summary>
    internal sealed record Union(IReadOnlyList<PathStep> Steps) : PathStep
    {
        internal override IEnumerable<JsonNode> From(JsonNode node, JsonNode root) => Steps.SelectMany(step => step.From(node, root));
    }

    /// <summary>[?(...)]: the items of a list, or the values of a map, that a comparison holds for.</summary>
    internal sealed record Filter(Comparison Condition) : PathStep
    {
        internal override IEnumerable<JsonNode> From(JsonNode node, JsonNode root) => Below(node).Where(item => Condition.Holds(item, root));
    }

    private static IEnumerable<JsonNode> Below(JsonNode node) => node switch
    {
        JsonObject map => map.Select(pair => pair.Value).OfType<JsonNode>(),
        JsonArray list => list.OfType<JsonNode>(),
        _ => [],
    };
}
