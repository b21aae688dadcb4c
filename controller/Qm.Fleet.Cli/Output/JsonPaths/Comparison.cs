using System.Globalization;
using System.Text.Json.Nodes;

namespace Qm.Fleet.Cli.Output.JsonPaths;

/// <summary>What a filter asks of a value: that a path leads somewhere, or how what it leads to compares.</summary>
/// <param name="Left">What is compared.</param>
/// <param name="Operator">==, !=, &lt;, &lt;=, &gt; or &gt;=; empty to ask only whether something is there.</param>
/// <param name="Right">What with; null when only asked whether something is there.</param>
internal sealed record Comparison(Comparison.Operand Left, string Operator, Comparison.Operand? Right)
{
    /// <summary>Whether it holds; numbers compare as numbers, also those that the API writes as text, everything else letter by letter.</summary>
    internal bool Holds(JsonNode item, JsonNode root)
    {
        var left = Left.Texts(item, root);
        if (Right is null)
        {
            return left.Any();
        }

        // What is not there is unlike everything, and neither more nor less than anything.
        var (one, other) = (left.FirstOrDefault(), Right.Texts(item, root).FirstOrDefault());
        if (one is null || other is null)
        {
            return Operator == "!=";
        }

        var order = Order(one, other);
        return Operator switch
        {
            "==" => order == 0,
            "!=" => order != 0,
            "<" => order < 0,
            "<=" => order <= 0,
            ">" => order > 0,
            _ => order >= 0,
        };
    }

    /// <summary>How two texts compare: as numbers where both are, else by their letters.</summary>
    internal static int Order(string one, string other) =>
        decimal.TryParse(one, NumberStyles.Float, CultureInfo.InvariantCulture, out var left) && decimal.TryParse(other, NumberStyles.Float, CultureInfo.InvariantCulture, out var right)
            ? left.CompareTo(right) : string.CompareOrdinal(one, other);

    /// <summary>One side: a path, or a literal.</summary>
    internal sealed record Operand(JsonPath? Path, string Literal)
    {
        internal IEnumerable<string> Texts(JsonNode item, JsonNode root) => Path is null ? [Literal] : Path.Select(item, root).Select(JsonPath.Text);
    }
}
