using Qm.Fleet.Agent.Files;
using Qm.Fleet.Agent.Link;
using Qm.Fleet.Core.Enrollment;

namespace Qm.Fleet.Agent.Enrollment;

/// <summary>The file a join token is brought in: read when the node joins, and gone when it has.</summary>
/// <param name="root">The node.</param>
/// <param name="path">The file, as the node sees it.</param>
internal sealed class JoinTokenFile(NodeRoot root, string path)
{
    private const uint OfOthers = 0x3F;

    /// <summary>Where it lies.</summary>
    public string Path => path;

    /// <summary>The token; null when there is no file.</summary>
    /// <exception cref="NodeIdentityException">It holds no token, or others may read it.</exception>
    public JoinTokenText? Read()
    {
        try
        {
            if (root.Look(path) is not { } look)
            {
                return null;
            }

            if (!look.Facts.IsRegular || (look.Facts.Mode & OfOthers) != 0)
            {
                throw new NodeIdentityException($"{path} holds a secret, and others than its owner may read it; chmod 600 {path}, and consider to revoke the token.");
            }

            return JoinTokenText.Parse((root.ReadText(path, JoinTokenText.Longest * 4) ?? "").Trim())
                ?? throw new NodeIdentityException($"{path} holds no join token; put there what qmfleet join-token create printed.");
        }
        catch (NodeFileException e)
        {
            throw new NodeIdentityException($"The agent {e.Message}.", e);
        }
    }

    /// <summary>Removes the file, if there is one.</summary>
    /// <exception cref="NodeFileException">It cannot be removed.</exception>
    public void Remove()
    {
        if (!root.Exists(path))
        {
            return;
        }

        var (parent, name) = DirectoryWriter.Split(path);
        using var directory = root.OpenDirectory(parent);
        if (DirectoryWriter.TryDelete(root.Calls, directory, name))
        {
            root.Calls.FlushDirectory(directory);
        }
    }
}
