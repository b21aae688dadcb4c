using Microsoft.Win32.SafeHandles;
using Qm.Fleet.Agent.Files;

namespace Qm.Fleet.Agent.Rootfs;

/// <summary>Writes the entries of a surveyed archive below one directory, with owners, modes, times and attributes.</summary>
/// <remarks>
/// Every directory on the way is opened without following links and every name is created, never overwritten: whatever the archive holds, nothing
/// outside the tree is touched. Directories get their own modes last, when nothing is put into them any more.
/// </remarks>
/// <param name="tree">The directory, as a root of its own.</param>
internal sealed class ArchiveUnpacker(NodeRoot tree) : IDisposable
{
    private const UnixFileMode PrivateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const UnixFileMode FileMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    // For directories that the archive does not mention.
    private static readonly FileFacts Unmentioned = new(0, 0b111_101_101, 0, 0, 0, 0);

    private readonly Dictionary<string, TarEntry?> _directories = new(StringComparer.Ordinal) { [""] = null };
    private readonly byte[] _buffer = new byte[128 * 1024];
    private (string Path, NodeDirectory? Handle) _parent = ("", null);

    /// <summary>Unpacks everything.</summary>
    /// <exception cref="NodeFileException">The disk refused, or an entry would have led out of the tree.</exception>
    /// <exception cref="Revisions.CommandRefusedException">ArchiveDamaged.</exception>
    public void Run(ArchiveStream archive)
    {
        var reader = new TarReader(archive);
        while (reader.Next() is { } entry)
        {
            if (!entry.IsHidden)
            {
                Unpack(entry, reader);
            }
        }

        foreach (var (path, entry) in _directories.OrderByDescending(directory => directory.Key, StringComparer.Ordinal))
        {
            using var directory = Open(path);
            tree.Calls.Apply(directory.Handle, entry is null ? Unmentioned : Facts(entry), entry?.Attributes ?? [], directory.Path);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _parent.Handle?.Dispose();

    private void Unpack(TarEntry entry, TarReader reader)
    {
        if (entry.Kind == TarKind.Directory)
        {
            MakeDirectory(entry.InTree);
            _directories[entry.InTree] = entry;
            return;
        }

        var (parentPath, name) = DirectoryWriter.Split(entry.InTree);
        var parent = Parent(parentPath);
        switch (entry.Kind)
        {
            case TarKind.SymbolicLink:
                tree.Calls.SymbolicLink(parent, name, entry.Target);
                tree.Calls.ChangeOwner(parent, name, entry.Uid, entry.Gid);
                break;
            case TarKind.HardLink:
                var (targetParent, targetName) = DirectoryWriter.Split(entry.TargetInTree);
                using (var from = Open(targetParent))
                {
                    tree.Calls.HardLink(from, targetName, parent, name);
                }

                break;
            default:
                using (var file = tree.Calls.Create(parent, name, FileMode))
                {
                    Fill(file, reader, parent.Of(name));
                    tree.Calls.Apply(file, Facts(entry), entry.Attributes, parent.Of(name));
                }

                break;
        }
    }

    private void Fill(SafeFileHandle file, TarReader reader, string path)
    {
        while (reader.Read(_buffer) is > 0 and var count)
        {
            tree.Calls.Write(file, _buffer.AsSpan(0, count), path);
        }
    }

    // Entries of a directory follow each other; the handle of the last one serves them all.
    private NodeDirectory Parent(string path)
    {
        if (_parent.Handle is { } open && _parent.Path == path)
        {
            return open;
        }

        MakeDirectory(path);
        _parent.Handle?.Dispose();
        _parent = (path, Open(path));
        return _parent.Handle!;
    }

    private void MakeDirectory(string path)
    {
        if (_directories.ContainsKey(path))
        {
            return;
        }

        var (parentPath, name) = DirectoryWriter.Split(path);
        MakeDirectory(parentPath);
        using var parent = Open(parentPath);
        tree.Calls.MakeDirectory(parent, name, PrivateMode);
        _directories[path] = null;
    }

    private NodeDirectory Open(string path) => tree.OpenDirectory($"/{path}", OpenKind.DirectoryNoLinks);

    private static FileFacts Facts(TarEntry entry) => new(0, entry.Mode, entry.Uid, entry.Gid, entry.ModifiedSeconds, entry.Size);
}
