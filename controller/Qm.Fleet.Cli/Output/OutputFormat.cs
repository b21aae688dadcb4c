using Qm.Fleet.Cli.Output.JsonPaths;

namespace Qm.Fleet.Cli.Output;

/// <summary>How a verb shows what it got.</summary>
internal abstract record OutputFormat
{
    internal const string JsonPathWord = "jsonpath=";
    internal const string ColumnsWord = "custom-columns=";

    /// <summary>What -o takes where resources are shown.</summary>
    internal static readonly string[] OfLists = ["table", "wide", "json", "yaml", "name", JsonPathWord, ColumnsWord];

    /// <summary>What -o takes where one answer is shown.</summary>
    internal static readonly string[] OfAnswers = ["table", "json", "yaml", JsonPathWord, ColumnsWord];

    /// <summary>Whether a person reads it, and not a program.</summary>
    internal bool IsForPeople => this is Table;

    /// <summary>Reads what -o says.</summary>
    /// <param name="text">What it says.</param>
    /// <param name="allowed">The words that the verb knows.</param>
    /// <returns>The format; null with what is wrong.</returns>
    internal static (OutputFormat? Format, string Problem) Read(string text, IReadOnlyList<string> allowed)
    {
        var word = text.IndexOf('=', StringComparison.Ordinal) is >= 0 and var equals ? text[..(equals + 1)] : text;
        if (!allowed.Contains(word))
        {
            return allowed.Contains(word + "=")
                ? (null, $"-o {text}: expected {word}= and {(word == "jsonpath" ? "a path, such as -o jsonpath={.metadata.name}" : "columns, such as -o custom-columns=NAME:.metadata.name")}")
                : (null, $"-o {text}: no such format; known are {string.Join(", ", allowed)}");
        }

        try
        {
            return (word switch
            {
                "table" => new Table(IsWide: false),
                "wide" => new Table(IsWide: true),
                "json" => new Json(),
                "yaml" => new Yaml(),
                "name" => new Name(),
                JsonPathWord => new Path(JsonPathTemplate.Parse(text[word.Length..])),
                ColumnsWord => new Columns(CustomColumns.Parse(text[word.Length..])),
                _ => new Other(word),
            }, "");
        }
        catch (JsonPathException e)
        {
            return (null, FormattableString.Invariant($"-o {text}: {e.Message} (letter {word.Length + e.Position})"));
        }
    }

    /// <summary>Columns that a person reads; wide with those that matter less.</summary>
    internal sealed record Table(bool IsWide) : OutputFormat;

    /// <summary>The API's JSON.</summary>
    internal sealed record Json : OutputFormat;

    /// <summary>The API's JSON, as YAML.</summary>
    internal sealed record Yaml : OutputFormat;

    /// <summary>KIND/NAME, one a line, as other verbs take it.</summary>
    internal sealed record Name : OutputFormat;

    /// <summary>What a template picks out of the API's JSON.</summary>
    internal sealed record Path(JsonPathTemplate Template) : OutputFormat;

    /// <summary>Columns that the caller chose.</summary>
    internal sealed record Columns(CustomColumns Of) : OutputFormat;

    /// <summary>A format that one verb alone has.</summary>
    internal sealed record Other(string Word) : OutputFormat;
}
