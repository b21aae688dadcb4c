namespace Qm.Fleet.Agent.Files;

/// <summary>The steps that atomic replacement is made of. Members throw <see cref="NodeFileException"/>.</summary>
internal static class DirectoryWriter
{
    /// <summary>Opens a directory, making what is missing on the way; new entries are on disk when it returns.</summary>
    public static NodeDirectory Ensure(NodeRoot root, string path, UnixFileMode mode)
    {
        foreach (var missing in Missing(root, path))
        {
            MakeDirectory(root, missing, mode);
        }

        return root.OpenDirectory(path);
    }

    /// <summary>The directories on the way to <paramref name="path"/> that do not exist, parents first.</summary>
    public static IReadOnlyList<string> Missing(NodeRoot root, string path)
    {
        var missing = new Stack<string>();
        for (var directory = path.Trim('/'); directory.Length > 0 && !root.Exists(directory); directory = Split(directory).Parent)
        {
            missing.Push(directory);
        }

        return [.. missing];
    }

    /// <summary>Makes one directory whose parent exists.</summary>
    public static void MakeDirectory(NodeRoot root, string path, UnixFileMode mode)
    {
        var (parent, name) = Split(path);
        using var directory = root.OpenDirectory(parent);
        root.Calls.MakeDirectory(directory, name, mode);
        root.Calls.FlushDirectory(directory);
    }

    /// <summary>Writes a whole file under a name that has no meaning yet, and forces it to the disk.</summary>
    public static void WriteBeside(ISystemCalls calls, NodeDirectory directory, string name, ReadOnlySpan<byte> content, UnixFileMode mode)
    {
        TryDelete(calls, directory, name);
        using var file = calls.Create(directory, name, mode);
        try
        {
            calls.Write(file, content, directory.Of(name));
            calls.Flush(file, directory.Of(name));
        }
        catch (NodeFileException)
        {
            // A full disk must not be left fuller.
            TryDelete(calls, directory, name);
            throw;
        }
    }

    /// <summary>Removes a file if there is one.</summary>
    /// <returns>Whether there was one.</returns>
    public static bool TryDelete(ISystemCalls calls, NodeDirectory directory, string name)
    {
        try
        {
            calls.Delete(directory, name);
            return true;
        }
        catch (NodeFileException e) when (e.Error == Errno.NoEntry)
        {
            return false;
        }
    }

    /// <summary>Splits a path into its parent, empty for the root, and its last component.</summary>
    public static (string Parent, string Name) Split(string path)
    {
        var slash = path.TrimEnd('/').LastIndexOf('/');
        return (path[..Math.Max(slash, 0)], path.TrimEnd('/')[(slash + 1)..]);
    }
}
