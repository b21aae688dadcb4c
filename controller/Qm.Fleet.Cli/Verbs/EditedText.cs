using System.Text.Json.Nodes;
using Google.Protobuf;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Kinds;
using Qm.Fleet.Cli.Manifests;
using Qm.Fleet.Cli.Output;
using Qm.Fleet.V1;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>A resource as it stands in an editor.</summary>
/// <param name="Title">What it is.</param>
/// <param name="Generation">Which one of it.</param>
/// <param name="Body">What people may change of it, as YAML.</param>
internal sealed record EditedText(string Title, long Generation, string Body)
{
    private const string Mark = "#| ";

    /// <summary>Asks for the resource as it is now.</summary>
    internal static async Task<EditedText> ReadAsync(ResourceKind kind, string name, FleetConnection connection, CancellationToken ct)
    {
        var resource = (await kind.GetAsync(connection, name, ct))[0];
        var (metadata, spec, word) = resource switch
        {
            Node node => (node.Metadata, (IMessage?)node.Spec, nameof(Node)),
            V1.Fleet fleet => (fleet.Metadata, fleet.Spec, nameof(V1.Fleet)),
            _ => throw new NotSupportedException($"{kind.Plural} have no spec"),
        };
        var tree = new JsonObject
        {
            ["apiVersion"] = "qm.fleet/v1",
            ["kind"] = word,
            ["metadata"] = ApiText.Tree(new Metadata { Name = metadata.Name, Labels = { metadata.Labels } }),
            ["spec"] = spec is null ? new JsonObject() : ApiText.Tree(spec),
        };
        return new($"{kind.Name}/{name}", metadata.Generation, YamlText.Of(tree) + "\n");
    }

    /// <summary>What the editor is given: the text, with what a person has to know above it.</summary>
    /// <param name="text">The text.</param>
    /// <param name="notes">What came of it the last time.</param>
    /// <param name="problems">What is wrong with it, by its own lines.</param>
    internal string Offer(string text, IReadOnlyList<string> notes, IReadOnlyList<ManifestProblem> problems)
    {
        string[] above = [
            FormattableString.Invariant($"{Title}, generation {Generation}. Lines that begin with #| are taken out again."),
            "Left as it is, or empty, nothing is changed.",
            .. notes.SelectMany(note => note.Split('\n')),
        ];

        // As the editor counts, with these lines.
        var offset = above.Length + problems.Count;
        var head = above.Concat(problems.Select(problem => FormattableString.Invariant(
            $"line {problem.Line + offset}  {(problem.Path.Length == 0 ? "" : problem.Path + ": ")}{problem.Message.ReplaceLineEndings(" ")}")));
        return string.Concat(head.Select(line => $"{Mark}{PlainText.Of(line)}".TrimEnd() + "\n")) + text;
    }

    /// <summary>The text without what stood above it.</summary>
    internal static string WithoutNotes(string text) =>
        string.Concat(text.ReplaceLineEndings("\n").Split('\n').Where(line => !line.StartsWith(Mark.TrimEnd(), StringComparison.Ordinal)).Select(line => line + "\n")).TrimEnd('\n') + "\n";

    /// <summary>What somebody else made of it since an earlier look, line by line.</summary>
    internal IEnumerable<string> Since(EditedText earlier) => LineDiff.Of(earlier.Body.TrimEnd('\n').Split('\n'), Body.TrimEnd('\n').Split('\n')).Prepend(
        FormattableString.Invariant($"It was changed meanwhile, from generation {earlier.Generation} to {Generation}. Below is your text; to keep what changed, take it over:"));
}
