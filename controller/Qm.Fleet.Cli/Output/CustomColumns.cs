using System.Text.Json.Nodes;
using Qm.Fleet.Cli.Output.JsonPaths;

namespace Qm.Fleet.Cli.Output;

/// <summary>Columns as kubectl's custom-columns names them: NAME:.metadata.name,FLEET:.status.fleet.</summary>
internal sealed class CustomColumns
{
    private const string Nothing = "<none>";

    private readonly IReadOnlyList<JsonPath> _paths;

    private CustomColumns(string[] header, IReadOnlyList<JsonPath> paths) => (Header, _paths) = (header, paths);

    internal string[] Header { get; }

    /// <summary>Reads the columns.</summary>
    /// <exception cref="JsonPathException">One of them is none.</exception>
    internal static CustomColumns Parse(string text)
    {
        var (header, paths) = (new List<string>(), new List<JsonPath>());
        foreach (var (from, column) in Split(text))
        {
            var colon = column.IndexOf(':', StringComparison.Ordinal);
            if (colon <= 0)
            {
                throw new JsonPathException(from + 1, "expected HEAD:PATH for each column, such as NAME:.metadata.name");
            }

            try
            {
                paths.Add(JsonPath.Parse(column[(colon + 1)..]));
            }
            catch (JsonPathException e)
            {
                throw new JsonPathException(from + colon + 1 + e.Position, e.Message);
            }

            header.Add(column[..colon]);
        }

        return new([.. header], paths);
    }

    /// <summary>The cells of one resource; several values of a column stand joined by commas.</summary>
    internal string[] Of(JsonNode resource) => [.. _paths.Select(path =>
        string.Join(',', path.Select(resource, resource).Select(JsonPath.Text)) is { Length: > 0 } cell ? cell : Nothing)];

    // A comma inside brackets belongs to a path.
    private static IEnumerable<(int From, string Column)> Split(string text)
    {
        var (from, depth) = (0, 0);
        for (var at = 0; at < text.Length; at++)
        {
            depth += text[at] switch { '[' or '(' => 1, ']' or ')' => -1, _ => 0 };
            if (text[at] == ',' && depth <= 0)
            {
                yield return (from, text[from..at]);
                from = at + 1;
            }
        }

        yield return (from, text[from..]);
    }
}
