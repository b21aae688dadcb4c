using Google.Protobuf;
using Qm.Fleet.V1;

namespace Qm.Fleet.Cli.Manifests;

/// <summary>One resource of a manifest.</summary>
/// <param name="File">The file it stands in.</param>
/// <param name="Document">Which document of the file, from 1.</param>
/// <param name="Kind">Fleet or Node.</param>
/// <param name="Name">metadata.name.</param>
/// <param name="Resource">The message, without what was wrong.</param>
/// <param name="Lines">Path of every field to its line.</param>
internal sealed record ManifestResource(ManifestFile File, int Document, string Kind, string Name, IMessage Resource, IReadOnlyDictionary<string, int> Lines)
{
    /// <summary>The line of a path, or of the nearest field above it that stands in the file.</summary>
    internal int LineOf(string path)
    {
        while (path.Length > 0)
        {
            if (Lines.TryGetValue(path, out var line))
            {
                return line;
            }

            path = path[..Math.Max(0, path.LastIndexOfAny(['.', '[']))];
        }

        return Lines.GetValueOrDefault("", 1);
    }
}

/// <summary>A file of manifests, read whole or with everything that is wrong with it.</summary>
internal sealed class ManifestFile
{
    /// <summary>The largest file that is read.</summary>
    internal const int MaxBytes = 1 << 20;

    private const string ApiVersion = "qm.fleet/v1";
    private static readonly string[] OwnMetadata = ["name", "labels"];

    private readonly List<ManifestProblem> _problems = [];
    private readonly List<ManifestResource> _resources = [];

    private ManifestFile(string name) => Name = name;

    internal string Name { get; }

    /// <summary>How many documents it has.</summary>
    internal int Documents { get; private set; }

    internal IReadOnlyList<ManifestResource> Resources => _resources;

    internal List<ManifestProblem> Problems => _problems;

    /// <summary>Reads manifests from a stream, never more than a little over <see cref="MaxBytes"/> of it.</summary>
    internal static async Task<ManifestFile> ReadAsync(string name, Stream stream, CancellationToken ct)
    {
        var file = new ManifestFile(name);
        var bytes = new byte[MaxBytes + 1];
        var length = await stream.ReadAtLeastAsync(bytes, bytes.Length, throwOnEndOfStream: false, ct);
        var content = bytes.AsMemory(0, length);
        if (length > MaxBytes)
        {
            file._problems.Add(new(1, 1, "", $"larger than {MaxBytes / 1024} KiB; split it"));
        }
        else if (content.Span.IndexOf((byte)0) is >= 0 and var at)
        {
            file._problems.Add(new(1, content.Span[..at].Count((byte)'\n') + 1, "", "not text: holds a NUL byte"));
        }
        else
        {
            file.Parse(System.Text.Encoding.UTF8.GetString(content.Span));
        }

        return file;
    }

    private void Parse(string text)
    {
        var documents = new YamlTree(_problems).Read(text);
        Documents = documents.Count;
        var filled = 0;
        for (var index = 0; index < documents.Count; index++)
        {
            if (documents[index] is not ManifestNode.Scalar { IsNull: true })
            {
                filled++;
                ParseDocument(documents[index], index + 1);
            }
        }

        if (filled == 0 && _problems.Count == 0)
        {
            _problems.Add(new(1, 1, "", "empty, expected at least one document"));
        }
    }

    private void ParseDocument(ManifestNode node, int document)
    {
        if (node is not ManifestNode.Mapping mapping)
        {
            Note(node.Line, "", "expected a resource: apiVersion, kind, metadata and spec");
            return;
        }

        CheckText(mapping, "apiVersion", text => text == ApiVersion ? null : $"\"{text}\" is not known; expected {ApiVersion}");
        var kind = CheckText(mapping, "kind", text => text is "Fleet" or "Node" ? null : $"\"{text}\" is not known; expected Fleet or Node");
        if (kind is not ("Fleet" or "Node"))
        {
            return;
        }

        CheckMetadata(mapping.Find("metadata"));
        if (mapping.Find("status") is { } status)
        {
            Note(status.Line, "status", "status is what the server says; leave it out");
        }

        IMessage resource = kind == "Fleet" ? new V1.Fleet() : new Node();
        var lines = new Dictionary<string, int>(StringComparer.Ordinal);
        var own = mapping.Entries.Where(entry => entry.Key.Text is not ("apiVersion" or "kind" or "status")).Select(entry => (entry.Key, Strip(entry.Key, entry.Value)));
        new MessageReader(document, _problems, lines).Fill(resource, new ManifestNode.Mapping([.. own], mapping.Line), "");
        var metadata = resource is V1.Fleet fleet ? fleet.Metadata : ((Node)resource).Metadata;
        if (string.IsNullOrEmpty(metadata?.Name))
        {
            Note(mapping.Line, "metadata.name", "a name is required");
            return;
        }

        if (_resources.FirstOrDefault(other => other.Kind == kind && other.Name == metadata.Name) is { } twin)
        {
            Note(lines.GetValueOrDefault("metadata.name", mapping.Line), "metadata.name", $"{kind} \"{metadata.Name}\" stands twice, first in document {twin.Document}");
            return;
        }

        _resources.Add(new(this, document, kind, metadata.Name, resource, lines));

        string? CheckText(ManifestNode.Mapping parent, string key, Func<string, string?> check)
        {
            var found = parent.Find(key);
            var text = (found as ManifestNode.Scalar)?.Text;
            var problem = found is null ? "is required" : text is null ? "expected a single value" : check(text);
            if (problem is not null)
            {
                Note(found?.Line ?? parent.Line, key, problem);
            }

            return text;
        }

        void CheckMetadata(ManifestNode? metadataNode)
        {
            foreach (var (key, _) in (metadataNode as ManifestNode.Mapping)?.Entries ?? [])
            {
                if (!OwnMetadata.Contains(key.Text))
                {
                    var isServers = Metadata.Descriptor.Fields.InDeclarationOrder().Any(field => field.JsonName == key.Text);
                    Note(key.Line, $"metadata.{key.Text}", isServers ? "is set by the server; leave it out" : "no such field; known are name, labels");
                }
            }
        }

        void Note(int line, string path, string message) => _problems.Add(new(document, line, path, message));
    }

    // What was already objected to is not objected to again.
    private static ManifestNode Strip(ManifestNode.Scalar key, ManifestNode value) =>
        key.Text == "metadata" && value is ManifestNode.Mapping metadata
            ? metadata with { Entries = [.. metadata.Entries.Where(entry => OwnMetadata.Contains(entry.Key.Text))] }
            : value;
}
