using System.IO.Enumeration;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Qm.Fleet.Agent.Files;

/// <summary>What a file is besides its content: the part of stat(2) that is carried over to a copy.</summary>
/// <param name="Type">The S_IFMT bits of the mode.</param>
/// <param name="Mode">Permissions with set-user-id, set-group-id and sticky bits.</param>
/// <param name="Uid">Owner.</param>
/// <param name="Gid">Group.</param>
/// <param name="ModifiedSeconds">Seconds since 1970.</param>
/// <param name="Size">Bytes.</param>
internal readonly record struct FileFacts(uint Type, uint Mode, uint Uid, uint Gid, long ModifiedSeconds, long Size)
{
    /// <summary>Major and minor number of a device node, such as 8:16; 0:0 of anything else.</summary>
    public (uint Major, uint Minor) Device { get; init; }

    public bool IsBlockDevice => Type == 0x6000;

    public bool IsCharacterDevice => Type == 0x2000;

    public bool IsRegular => Type == 0x8000;

    public bool IsDirectory => Type == 0x4000;

    public bool IsLink => Type == 0xA000;
}

/// <summary>
/// The system calls that give a tree of files its shape, owners, modes and extended attributes. Names are single path components below an
/// open directory and no symbolic link is followed. Every member throws <see cref="NodeFileException"/> on failure.
/// </summary>
internal static partial class TreeCalls
{
    private const int NoFollow = 0x100;
    private const int EmptyPath = 0x1000;
    private const uint BasicFacts = 0x7ff;
    private const int AttributeBytesUsual = 256;
    private const int AttributeBytesMax = 64 * 1024;
    private const string LabelAttribute = "security.selinux";
    private const int LinkBytesMax = 4096;

    // Hidden files, too; and a directory that may not be read is not an empty one.
    private static readonly EnumerationOptions Everything = new() { AttributesToSkip = 0, IgnoreInaccessible = false };

    /// <summary>Whether owners and security attributes can be set at all; a lab that is not run by root keeps neither.</summary>
    public static bool MaySetOwners => Environment.IsPrivilegedProcess;

    /// <summary>Makes a symbolic link; its target is any text.</summary>
    public static void SymbolicLink(NodeDirectory directory, string name, string target) =>
        Check(SymbolicLinkAt(target, directory.Handle, name), "make link", directory.Of(name));

    /// <summary>Gives a file a second name in any directory.</summary>
    public static void HardLink(NodeDirectory fromDirectory, string from, NodeDirectory toDirectory, string to) =>
        Check(LinkAt(fromDirectory.Handle, from, toDirectory.Handle, to, 0), "make link", toDirectory.Of(to));

    /// <summary>Sets owner and group of a name, the link itself where it is one.</summary>
    public static void ChangeOwner(NodeDirectory directory, string name, uint uid, uint gid)
    {
        if (MaySetOwners)
        {
            Check(ChangeOwnerAt(directory.Handle, name, uid, gid, NoFollow), "set the owner of", directory.Of(name));
        }
    }

    /// <summary>
    /// Sets owner, mode, attributes and time of an open file or directory, in the order in which one does not undo the other: the kernel
    /// takes set-user-id bits and capabilities away when the owner changes.
    /// </summary>
    public static void Apply(SafeFileHandle file, FileFacts facts, IEnumerable<KeyValuePair<string, byte[]>> attributes, string path)
    {
        if (MaySetOwners)
        {
            Check(ChangeOwnerOf(file, facts.Uid, facts.Gid), "set the owner of", path);
        }

        Check(ChangeMode(file, facts.Mode), "set the mode of", path);
        foreach (var (name, value) in attributes.Where(attribute => MaySetOwners || attribute.Key.StartsWith("user.", StringComparison.Ordinal)))
        {
            Check(SetAttribute(file, name, value, (nuint)value.Length, 0), $"set attribute {name} of", path);
        }

        TimeSpec[] times = [new(facts.ModifiedSeconds, 0), new(facts.ModifiedSeconds, 0)];
        Check(SetTimes(file, times), "set the time of", path);
    }

    /// <summary>What a name is, without following it; null when it does not exist.</summary>
    public static FileFacts? Look(NodeDirectory directory, string name)
    {
        if (Statx(directory.Handle, name, NoFollow, BasicFacts, out var found) == 0)
        {
            return found.ToFacts();
        }

        return Marshal.GetLastPInvokeError() == Errno.NoEntry ? null : throw Failure("look at", directory.Of(name));
    }

    /// <summary>What an open file or directory is.</summary>
    public static FileFacts Look(SafeFileHandle file, string path)
    {
        Check(Statx(file, "", EmptyPath, BasicFacts, out var found), "look at", path);
        return found.ToFacts();
    }

    /// <summary>The target of a symbolic link.</summary>
    public static string ReadLink(NodeDirectory directory, string name)
    {
        var buffer = new byte[LinkBytesMax];
        var length = ReadLinkAt(directory.Handle, name, buffer, (nuint)buffer.Length);
        return length >= 0 ? System.Text.Encoding.UTF8.GetString(buffer.AsSpan(0, (int)length)) : throw Failure("read link", directory.Of(name));
    }

    /// <summary>The extended attributes of an open file, SELinux labels left out: those follow from where a file lies.</summary>
    public static IReadOnlyList<KeyValuePair<string, byte[]>> Attributes(SafeFileHandle file, string path)
    {
        // Most files have none, and the kernel says so without a buffer.
        var names = Array.Empty<byte>();
        var length = ListAttributes(file, names, 0);
        if (length > 0)
        {
            names = new byte[AttributeBytesMax];
            length = ListAttributes(file, names, (nuint)names.Length);
        }

        if (length < 0)
        {
            return Marshal.GetLastPInvokeError() == Errno.NotSupported ? [] : throw Failure("list the attributes of", path);
        }

        return [.. System.Text.Encoding.UTF8.GetString(names.AsSpan(0, (int)length)).Split('\0', StringSplitOptions.RemoveEmptyEntries)
            .Where(name => name != LabelAttribute).Select(name => KeyValuePair.Create(name, Attribute(file, name) ?? throw Failure($"read attribute {name} of", path)))];
    }

    /// <summary>The SELinux label of an open file, such as <c>system_u:object_r:qm_file_t:s0</c>; empty where it has none.</summary>
    public static string Label(SafeFileHandle file, string path) => TryAttribute(file, LabelAttribute, path) is { } label ? System.Text.Encoding.UTF8.GetString(label).TrimEnd('\0') : "";

    /// <summary>One extended attribute of an open file; null where it has none of that name.</summary>
    public static byte[]? TryAttribute(SafeFileHandle file, string name, string path) => Attribute(file, name)
        ?? (Marshal.GetLastPInvokeError() is Errno.NoData or Errno.NotSupported ? null : throw Failure($"read attribute {name} of", path));

    /// <summary>Forces everything written to a directory's file system to the disk: one call for a tree of many files.</summary>
    public static void FlushFileSystem(NodeDirectory directory) => Check(SynchronizeFileSystem(directory.Handle), "flush", directory.Path);

    /// <summary>Removes a directory with everything below it; links are removed, not followed. Where the disk refuses, a part of it may be gone.</summary>
    public static void RemoveTree(NodeDirectory directory, string name) =>
        Translate("remove", directory.Of(name), () => Directory.Delete($"{NameOf(directory)}/{name}", recursive: true));

    /// <summary>Tells the names in an open directory, in no order.</summary>
    public static void List(NodeDirectory directory, bool onlyDirectories, Action<string> found) => Translate("list", directory.Path, () =>
    {
        var names = new FileSystemEnumerable<string>(NameOf(directory), static (ref entry) => entry.FileName.ToString(), Everything)
        {
            // The kernel tells with the name which are.
            ShouldIncludePredicate = onlyDirectories ? static (ref entry) => entry.IsDirectory : null,
        };
        foreach (var name in names)
        {
            found(name);
        }
    });

    // Null where the kernel refused; the last error says why. A look reads labels by the dozen, and most are short.
    private static byte[]? Attribute(SafeFileHandle file, string name)
    {
        Span<byte> value = stackalloc byte[AttributeBytesUsual];
        var length = GetAttribute(file, name, value, (nuint)value.Length);
        if (length < 0 && Marshal.GetLastPInvokeError() == Errno.Range)
        {
            value = new byte[AttributeBytesMax];
            length = GetAttribute(file, name, value, (nuint)value.Length);
        }

        return length < 0 ? null : value[..(int)length].ToArray();
    }

    // The kernel's name for an open directory: what is touched below it is what was resolved, whatever moved since.
    private static string NameOf(NodeDirectory directory) => $"/proc/self/fd/{directory.Handle.DangerousGetHandle()}";

    private static void Translate(string verb, string path, Action call)
    {
        try
        {
            call();
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException and not NodeFileException)
        {
            throw NodeFileException.From(verb, path, e);
        }
    }

    private static void Check(int result, string verb, string path)
    {
        if (result < 0)
        {
            throw Failure(verb, path);
        }
    }

    private static NodeFileException Failure(string verb, string path)
    {
        var errno = Marshal.GetLastPInvokeError();
        return new(verb, path, errno, Marshal.GetPInvokeErrorMessage(errno));
    }

    private readonly record struct TimeSpec(long Seconds, long Nanoseconds);

    // struct statx of linux/stat.h: the same on every architecture, 256 bytes.
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private struct StatxBuffer
    {
        [FieldOffset(0x14)]
        public uint Uid;
        [FieldOffset(0x18)]
        public uint Gid;
        [FieldOffset(0x1c)]
        public ushort Mode;
        [FieldOffset(0x28)]
        public ulong Size;
        [FieldOffset(0x70)]
        public long ModifiedSeconds;
        [FieldOffset(0x80)]
        public uint DeviceMajor;
        [FieldOffset(0x84)]
        public uint DeviceMinor;

        public readonly FileFacts ToFacts() => new(Mode & 0xF000u, Mode & 0xFFFu, Uid, Gid, ModifiedSeconds, (long)Size) { Device = (DeviceMajor, DeviceMinor) };
    }

    [LibraryImport("libc", EntryPoint = "symlinkat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SymbolicLinkAt(string target, SafeFileHandle directory, string name);

    [LibraryImport("libc", EntryPoint = "linkat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int LinkAt(SafeFileHandle fromDirectory, string from, SafeFileHandle toDirectory, string to, int flags);

    [LibraryImport("libc", EntryPoint = "fchownat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int ChangeOwnerAt(SafeFileHandle directory, string name, uint uid, uint gid, int flags);

    [LibraryImport("libc", EntryPoint = "fchown", SetLastError = true)]
    private static partial int ChangeOwnerOf(SafeFileHandle file, uint uid, uint gid);

    [LibraryImport("libc", EntryPoint = "fchmod", SetLastError = true)]
    private static partial int ChangeMode(SafeFileHandle file, uint mode);

    [LibraryImport("libc", EntryPoint = "futimens", SetLastError = true)]
    private static partial int SetTimes(SafeFileHandle file, [In] TimeSpec[] times);

    [LibraryImport("libc", EntryPoint = "fsetxattr", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetAttribute(SafeFileHandle file, string name, byte[] value, nuint size, int flags);

    [LibraryImport("libc", EntryPoint = "fgetxattr", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint GetAttribute(SafeFileHandle file, string name, Span<byte> value, nuint size);

    [LibraryImport("libc", EntryPoint = "flistxattr", SetLastError = true)]
    private static partial nint ListAttributes(SafeFileHandle file, [Out] byte[] names, nuint size);

    [LibraryImport("libc", EntryPoint = "readlinkat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint ReadLinkAt(SafeFileHandle directory, string name, [Out] byte[] target, nuint size);

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Statx(SafeFileHandle directory, string name, int flags, uint mask, out StatxBuffer found);

    [LibraryImport("libc", EntryPoint = "syncfs", SetLastError = true)]
    private static partial int SynchronizeFileSystem(SafeFileHandle directory);
}
