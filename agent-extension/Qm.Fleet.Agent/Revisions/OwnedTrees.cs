using System.Security.Cryptography;
using Qm.Fleet.Agent.Files;

namespace Qm.Fleet.Agent.Revisions;

/// <summary>The trees owned files lie in, opened once for the length of one command.</summary>
internal sealed class OwnedTrees(NodeRoot root) : IDisposable
{
    /// <summary>Most bytes of what is found in the place of an owned file, which are at most <see cref="StageChecks.FileBytesMax"/>.</summary>
    public const int FoundBytesMax = 1024 * 1024;

    private readonly Dictionary<string, NodeRoot> _opened = [];

    /// <summary>The tree of a path.</summary>
    /// <exception cref="NodeFileException">It is missing or no directory.</exception>
    public NodeRoot this[OwnedPath path]
    {
        get
        {
            if (path.Tree == "/")
            {
                return root;
            }

            if (!_opened.TryGetValue(path.Tree, out var tree))
            {
                _opened[path.Tree] = tree = root.Within(path.Tree);
            }

            return tree;
        }
    }

    /// <summary>The file as found, or null when there is none.</summary>
    /// <exception cref="NodeFileException">Something else than a regular file is in the way, or it cannot be read.</exception>
    public byte[]? Read(OwnedPath path) => Read(path, path.FileName);

    /// <summary>A neighbour of the file as found, or null when there is none.</summary>
    /// <exception cref="NodeFileException">Something else than a regular file is in the way, or it cannot be read.</exception>
    public byte[]? Read(OwnedPath path, string neighbour)
    {
        try
        {
            return this[path].ReadBytes($"{path.Directory}/{neighbour}", OpenKind.ReadNoFollow, FoundBytesMax);
        }
        catch (NodeFileException e) when (e.IsMissing)
        {
            return null;
        }
    }

    /// <summary>SHA-256 of the file as found in 64 lower-case hex digits, or null when there is none.</summary>
    /// <exception cref="NodeFileException">Something else than a regular file is in the way, or it cannot be read.</exception>
    public string? Digest(OwnedPath path) => Read(path) is { } content ? Digest(content) : null;

    /// <summary>SHA-256 in 64 lower-case hex digits.</summary>
    public static string Digest(ReadOnlySpan<byte> content) => Convert.ToHexStringLower(SHA256.HashData(content));

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tree in _opened.Values)
        {
            tree.Dispose();
        }
    }
}
