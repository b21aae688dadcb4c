using System.Text.Json.Nodes;
using Qm.Fleet.Cli.Manifests;
using Qm.Fleet.Cli.Output;
using Qm.Fleet.Core.Secrets;

namespace Qm.Fleet.Cli.Contexts;

/// <summary>The contexts a person has, and which one holds when nothing else is said; as kubeconfig has them.</summary>
/// <param name="Path">Where it is kept.</param>
/// <param name="Current">Which one holds; empty when none does.</param>
/// <param name="Contexts">Each name once.</param>
internal sealed record ContextFile(string Path, string Current, IReadOnlyList<FleetContext> Contexts)
{
    private const string CurrentKey = "current-context";
    private const string ContextsKey = "contexts";
    private const long MaxBytes = 1 << 20;

    /// <summary>Where the file is: QMFLEET_CONFIG, or qmfleet/config.yaml where a person's configuration is; null when nobody says where that would be.</summary>
    internal static string? Find(CliContext context) =>
        context.Environment("QMFLEET_CONFIG") is { Length: > 0 } named ? named
        : context.Environment("XDG_CONFIG_HOME") is { Length: > 0 } configuration ? System.IO.Path.Combine(configuration, "qmfleet", "config.yaml")
        : context.Environment("HOME") is { Length: > 0 } home ? System.IO.Path.Combine(home, ".config", "qmfleet", "config.yaml") : null;

    /// <summary>Reads a file; one that is not there has no contexts.</summary>
    /// <exception cref="CliException">It cannot be read; every problem with its line.</exception>
    internal static ContextFile Read(string path)
    {
        try
        {
            return !File.Exists(path) ? new(path, "", [])
                : new FileInfo(path).Length > MaxBytes ? throw new CliException(ExitCode.Invalid, $"{path}: larger than 1 MiB; this is no configuration of qmfleet")
                : Parse(path, File.ReadAllText(path));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException(ExitCode.Invalid, $"{path}: {e.Message}");
        }
    }

    /// <summary>The context of a name.</summary>
    /// <exception cref="CliException">There is none.</exception>
    internal FleetContext Find(string name) => Contexts.FirstOrDefault(context => context.Name == name)
        ?? throw new CliException(ExitCode.NotFound, $"context {name} not found in {Path}; {(Contexts.Count == 0 ? "it has none" : $"known are {string.Join(", ", Contexts.Select(context => context.Name))}")}\nMake one with: qmfleet config set-context {name} --server ADDRESS --pki DIR");

    /// <summary>Writes the file, whole or not at all, for its owner only.</summary>
    /// <exception cref="CliException">It cannot be written.</exception>
    internal void Write()
    {
        var part = Path + ".part";
        try
        {
            Directory.CreateDirectory(System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(Path))!);
            var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite };
            using (var writer = new StreamWriter(new FileStream(part, options)))
            {
                writer.WriteLine(YamlText.Of(Tree(static token => token.Reveal())));
            }

            File.Move(part, Path, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException(ExitCode.Failed, $"{Path}: {e.Message}");
        }
    }

    /// <summary>The file as it may be shown.</summary>
    internal JsonObject ShownTree() => Tree(static _ => "REDACTED");

    private JsonObject Tree(Func<Secret, string> tokenText)
    {
        var contexts = new JsonArray([.. Contexts.Select(context =>
        {
            var entry = new JsonObject { ["name"] = context.Name, ["server"] = context.Server };
            if (context.Pki is not null)
            {
                entry["pki"] = context.Pki;
            }

            if (context.Token is not null)
            {
                entry["token"] = tokenText(context.Token);
            }

            if (context.TokenFile is not null)
            {
                entry["token-file"] = context.TokenFile;
            }

            return (JsonNode)entry;
        })]);
        return new() { [CurrentKey] = Current, [ContextsKey] = contexts };
    }

    private static ContextFile Parse(string path, string text)
    {
        var problems = new List<ManifestProblem>();
        var documents = new YamlTree(problems).Read(text);
        var (current, contexts) = ("", new List<FleetContext>());
        foreach (var (key, value) in documents.Count > 0 && documents[0].Root is ManifestNode.Mapping root ? root.Entries : [])
        {
            if (key.Text == CurrentKey && value is ManifestNode.Scalar name)
            {
                current = name.Text;
            }
            else if (key.Text == ContextsKey && value is ManifestNode.Sequence list)
            {
                contexts.AddRange(list.Items.Select(item => Context(item, problems)).OfType<FleetContext>());
            }
            else
            {
                problems.Add(new(1, key.Line, key.Text, $"expected {CurrentKey} with a name, or {ContextsKey} with a list"));
            }
        }

        foreach (var twice in contexts.GroupBy(context => context.Name).Where(group => group.Count() > 1))
        {
            problems.Add(new(1, 1, ContextsKey, $"\"{twice.Key}\" stands twice"));
        }

        return problems.Count == 0 ? new(path, current, contexts) : throw new CliException(ExitCode.Invalid, string.Join('\n', problems
            .Select(problem => FormattableString.Invariant($"  line {problem.Line}  {(problem.Path.Length == 0 ? "" : problem.Path + ": ")}{problem.Message}"))
            .Prepend(FormattableString.Invariant($"{path}: {problems.Count} {(problems.Count == 1 ? "problem" : "problems")}, nothing was done"))));
    }

    private static FleetContext? Context(ManifestNode node, List<ManifestProblem> problems)
    {
        var fields = node is ManifestNode.Mapping mapping ? mapping.Entries : [];
        string? Text(string key) => (fields.FirstOrDefault(entry => entry.Key.Text == key).Value as ManifestNode.Scalar)?.Text;
        foreach (var (key, _) in fields.Where(entry => entry.Key.Text is not ("name" or "server" or "pki" or "token" or "token-file")))
        {
            problems.Add(new(1, key.Line, $"{ContextsKey}.{key.Text}", "no such field; known are name, server, pki, token, token-file"));
        }

        if (Text("name") is { Length: > 0 } name && Text("server") is { Length: > 0 } server)
        {
            return new(name, server, Text("pki") is { Length: > 0 } pki ? pki : null, Text("token") is { Length: > 0 } token ? new Secret(token) : null, Text("token-file") is { Length: > 0 } file ? file : null);
        }

        problems.Add(new(1, node.Line, ContextsKey, "expected a name and a server"));
        return null;
    }
}
