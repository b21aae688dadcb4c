using System.Globalization;

namespace Qm.Fleet.Cli.Manifests;

/// <summary>Everything that one apply is about.</summary>
/// <param name="Files">In the order given.</param>
internal sealed record ManifestSet(IReadOnlyList<ManifestFile> Files)
{
    private static readonly string[] Suffixes = [".yaml", ".yml", ".json"];

    internal IEnumerable<ManifestResource> Of(string kind) => Files.SelectMany(file => file.Resources).Where(resource => resource.Kind == kind);

    /// <summary>Reads files, directories (their .yaml, .yml and .json, by name) and <c>-</c> for standard input.</summary>
    /// <exception cref="CliException">A file cannot be read, or a directory holds none.</exception>
    internal static async Task<ManifestSet> ReadAsync(IEnumerable<string> sources, Stream input, CancellationToken ct)
    {
        var files = new List<ManifestFile>();
        foreach (var source in sources)
        {
            if (source == "-")
            {
                files.Add(await ManifestFile.ReadAsync("standard input", input, ct));
                continue;
            }

            foreach (var path in Expand(source))
            {
                try
                {
                    await using var stream = File.OpenRead(path);
                    files.Add(await ManifestFile.ReadAsync(path, stream, ct));
                }
                catch (Exception e) when (e is IOException or UnauthorizedAccessException)
                {
                    throw new CliException(ExitCode.Invalid, $"{path}: {e.Message}");
                }
            }
        }

        NoteTwins(files);
        return new(files);
    }

    /// <summary>Everything that is wrong, file by file and line by line; nothing when nothing is.</summary>
    internal IEnumerable<string> Report()
    {
        foreach (var file in Files.Where(file => file.Problems.Count > 0))
        {
            var problems = file.Problems.Distinct().OrderBy(problem => problem.Line).ThenBy(problem => problem.Path, StringComparer.Ordinal).ToArray();
            if (problems is [{ Path: "", Line: 1 } whole] && file.Documents <= 1)
            {
                yield return $"{file.Name}: {whole.Message}; nothing was stored";
                continue;
            }

            yield return $"{file.Name}: {problems.Length} {(problems.Length == 1 ? "problem" : "problems")}, nothing was stored";
            foreach (var problem in problems)
            {
                var document = file.Documents > 1 ? string.Create(CultureInfo.InvariantCulture, $"document {problem.Document}, ") : "";
                var path = problem.Path.Length == 0 ? "" : problem.Path + ": ";
                yield return string.Create(CultureInfo.InvariantCulture, $"  {document}line {problem.Line}  {path}{problem.Message}");
            }
        }
    }

    private static string[] Expand(string source)
    {
        if (!Directory.Exists(source))
        {
            return [source];
        }

        var found = Directory.GetFiles(source).Where(path => Suffixes.Contains(Path.GetExtension(path))).Order(StringComparer.Ordinal).ToArray();
        return found.Length > 0 ? found : throw new CliException(ExitCode.Invalid, $"{source}: no .yaml, .yml or .json file in this directory");
    }

    private static void NoteTwins(List<ManifestFile> files)
    {
        foreach (var twins in files.SelectMany(file => file.Resources).GroupBy(resource => (resource.Kind, resource.Name)).Where(group => group.Count() > 1))
        {
            var first = twins.First();
            foreach (var twin in twins.Skip(1))
            {
                twin.File.Problems.Add(new(twin.Document, twin.LineOf("metadata.name"), "metadata.name", $"{twin.Kind} \"{twin.Name}\" stands in {first.File.Name}, too"));
            }
        }
    }
}
