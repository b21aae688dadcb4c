namespace Qm.Fleet.Cli.Manifests;

/// <summary>Everything that one command is about.</summary>
internal sealed class ManifestSet
{
    private static readonly string[] Suffixes = [".yaml", ".yml", ".json"];

    private readonly List<ManifestFile> _files = [];
    private readonly List<ManifestResource> _resources = [];

    private ManifestSet()
    {
    }

    /// <summary>In the order given.</summary>
    internal IReadOnlyList<ManifestFile> Files => _files;

    /// <summary>The resources of all files, each name once.</summary>
    internal IReadOnlyList<ManifestResource> Resources => _resources;

    internal bool IsValid => _files.All(file => file.Problems.Count == 0);

    internal IReadOnlyList<ManifestResource> Of(string kind) => [.. _resources.Where(resource => resource.Kind == kind)];

    /// <summary>Reads files, directories (their .yaml, .yml and .json, by name) and <c>-</c> for standard input.</summary>
    internal static async Task<ManifestSet> ReadAsync(IEnumerable<string> sources, Stream input, CancellationToken ct)
    {
        var set = new ManifestSet();
        foreach (var source in sources)
        {
            if (source == "-")
            {
                set._files.Add(await ManifestFile.ReadAsync("standard input", input, ct));
            }
            else
            {
                await set.AddAsync(source, ct);
            }
        }

        set.JoinResources();
        return set;
    }

    private async Task AddAsync(string source, CancellationToken ct)
    {
        try
        {
            if (!Directory.Exists(source))
            {
                await using var stream = File.OpenRead(source);
                _files.Add(await ManifestFile.ReadAsync(source, stream, ct));
                return;
            }

            var found = Directory.GetFiles(source).Where(path => Suffixes.Contains(Path.GetExtension(path))).Order(StringComparer.Ordinal).ToArray();
            foreach (var path in found)
            {
                await AddAsync(path, ct);
            }

            if (found.Length == 0)
            {
                _files.Add(ManifestFile.Unreadable(source, "no .yaml, .yml or .json file in this directory"));
            }
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            _files.Add(ManifestFile.Unreadable(source, "no such file or directory"));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _files.Add(ManifestFile.Unreadable(source, e.Message));
        }
    }

    private void JoinResources()
    {
        var firsts = new Dictionary<(string, string), ManifestResource>();
        foreach (var resource in _files.SelectMany(file => file.Resources))
        {
            if (resource.Name.Length == 0 || firsts.TryAdd((resource.Kind, resource.Name), resource))
            {
                _resources.Add(resource);
                continue;
            }

            var first = firsts[(resource.Kind, resource.Name)];
            var where = first.File == resource.File ? "" : $"in {first.File.Name}, ";
            resource.File.Problems.Add(new(resource.Document, resource.LineOf("metadata.name"), "metadata.name",
                $"{resource.Kind} \"{resource.Name}\" stands twice, first {where}on line {first.LineOf("metadata.name")}"));
        }
    }
}
