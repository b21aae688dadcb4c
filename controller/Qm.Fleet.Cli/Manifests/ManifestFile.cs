using System.Text;
using Google.Protobuf;
using Qm.Fleet.V1;

namespace Qm.Fleet.Cli.Manifests;

/// <summary>A file of manifests: its resources, and everything that is wrong with it.</summary>
internal sealed class ManifestFile
{
    /// <summary>The largest file that is read.</summary>
    internal const int MaxBytes = 1 << 20;

    private const string ApiVersion = "qm.fleet/v1";
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly List<ManifestResource> _resources = [];

    private ManifestFile(string name) => Name = name;

    internal string Name { get; }

    /// <summary>How many documents it has, one that breaks off included.</summary>
    internal int Documents { get; private set; }

    internal IReadOnlyList<ManifestResource> Resources => _resources;

    internal List<ManifestProblem> Problems { get; } = [];

    /// <summary>Reads manifests from a stream, at most one byte more than <see cref="MaxBytes"/> of it.</summary>
    internal static async Task<ManifestFile> ReadAsync(string name, Stream stream, CancellationToken ct)
    {
        var file = new ManifestFile(name);
        var bytes = new byte[MaxBytes + 1];

        // A terminal's stream does not look at the token while it waits for a person.
        var length = await stream.ReadAtLeastAsync(bytes, bytes.Length, throwOnEndOfStream: false, ct).AsTask().WaitAsync(ct);
        if (file.Decode(bytes.AsSpan(0, length)) is { } text)
        {
            file.Parse(text);
        }

        return file;
    }

    /// <summary>Stands for a file that cannot be read.</summary>
    internal static ManifestFile Unreadable(string name, string why) => new(name) { Problems = { new(1, 0, "", why) } };

    private string? Decode(ReadOnlySpan<byte> content)
    {
        if (content.Length > MaxBytes)
        {
            return Refuse(0, $"larger than {MaxBytes >> 20} MiB, the most that is read; split it");
        }

        if (content.IndexOf((byte)0) is >= 0 and var nul)
        {
            return Refuse(LineAt(content, nul), "not text: holds a NUL byte");
        }

        try
        {
            return Utf8.GetString(content.StartsWith(Encoding.UTF8.Preamble) ? content[Encoding.UTF8.Preamble.Length..] : content);
        }
        catch (DecoderFallbackException e)
        {
            return Refuse(LineAt(content, Math.Clamp(e.Index, 0, content.Length)), "not text in UTF-8");
        }

        string? Refuse(int line, string message)
        {
            Problems.Add(new(1, line, "", message));
            return null;
        }

        static int LineAt(ReadOnlySpan<byte> content, int offset) => content[..offset].Count((byte)'\n') + 1;
    }

    private void Parse(string text)
    {
        var tree = new YamlTree(Problems);
        var filled = 0;
        foreach (var (document, node) in tree.Read(text))
        {
            if (node is not ManifestNode.Scalar { IsNull: true })
            {
                filled++;
                ParseDocument(node, document);
            }
        }

        Documents = tree.Documents;
        if (filled == 0 && Problems.Count == 0)
        {
            Problems.Add(new(1, 0, "", "empty, expected at least one document"));
        }
    }

    private void ParseDocument(ManifestNode node, int document)
    {
        if (node is not ManifestNode.Mapping mapping)
        {
            Problems.Add(new(document, node.Line, "", "expected a resource: apiVersion, kind, metadata and spec"));
            return;
        }

        var before = Problems.Count;
        Require("apiVersion", ApiVersion);
        var kind = Require("kind", nameof(Fleet), nameof(Node));
        IMessage? resource = kind switch { nameof(Fleet) => new V1.Fleet(), nameof(Node) => new Node(), _ => null };
        if (resource is null)
        {
            return;
        }

        var lines = new Dictionary<string, int>(StringComparer.Ordinal);
        new MessageReader(document, Problems, lines).Fill(resource, mapping, "");
        var name = (resource is V1.Fleet fleet ? fleet.Metadata : ((Node)resource).Metadata)?.Name ?? "";
        if (name.Length == 0 && !Problems.Skip(before).Any(problem => problem.Covers("metadata.name")))
        {
            Problems.Add(new(document, lines.GetValueOrDefault("metadata", mapping.Line), "metadata.name", "a name is required"));
        }

        _resources.Add(new(this, document, kind!, name, resource, lines));

        string? Require(string key, params string[] allowed)
        {
            var found = mapping.Find(key);
            var text = (found as ManifestNode.Scalar)?.Text;
            if (!allowed.Contains(text))
            {
                var expected = $"expected {string.Join(" or ", allowed)}";
                var problem = found is null ? $"is required; {expected}" : text is null ? expected : $"\"{text}\" is not known; {expected}";
                Problems.Add(new(document, found?.Line ?? mapping.Line, key, problem));
            }

            return text;
        }
    }
}
