using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Qm.Fleet.Agent.Files;

/// <summary>The kernel. Needs openat2(2), that is Linux 5.6 or newer.</summary>
internal sealed partial class LinuxSystemCalls : ISystemCalls
{
    private const int MaxTries = 64;
    private const ulong ReadOnlyFlag = 0;
    private const ulong WriteOnlyFlag = 1;
    private const ulong CreateFlag = 0x40;
    private const ulong ExclusiveFlag = 0x80;
    private const ulong AppendFlag = 0x400;
    private const ulong NoTerminalFlag = 0x100;
    private const ulong NonBlockingFlag = 0x800;
    private const ulong CloseOnExecFlag = 0x80000;
    private const ulong PathFlag = 0x200000;
    private const ulong ResolveInRoot = 0x10;
    private const ulong ResolveNoMagicLinks = 0x02;
    private const ulong ResolveNoSymbolicLinks = 0x04;
    private const long OpenAt2Number = 437;
    private const int RemoveDirectoryFlag = 0x200;
    private const int CurrentDirectory = -100;
    private const int LockExclusively = 2;
    private const int LockOrFail = 4;

    // These two are among the few flags whose value depends on the architecture.
    private static readonly bool Arm = RuntimeInformation.ProcessArchitecture is Architecture.Arm64 or Architecture.Arm;
    private static readonly ulong DirectoryFlag = Arm ? 0x4000ul : 0x10000ul;
    private static readonly ulong NoFollowFlag = Arm ? 0x8000ul : 0x20000ul;

    /// <summary>Opens a directory of the machine as a node's root.</summary>
    public static NodeDirectory OpenRoot(string directory)
    {
        var how = new OpenHow { Flags = ReadOnlyFlag | DirectoryFlag | CloseOnExecFlag };
        return new(OpenHandle(CurrentDirectory, directory, how) ?? throw Failure("open", directory), "/");
    }

    /// <summary>Opens a namespace of a process.</summary>
    /// <param name="path">The kernel's link to it.</param>
    /// <param name="name">What it is called in messages.</param>
    public static SafeFileHandle OpenNamespace(string path, string name) =>
        OpenHandle(CurrentDirectory, path, new OpenHow { Flags = ReadOnlyFlag | CloseOnExecFlag }) ?? throw Failure("open", name);

    /// <summary>Locks a directory against other agents until its handle is closed.</summary>
    /// <returns>False when somebody else holds the lock.</returns>
    public static bool TryLock(NodeDirectory directory)
    {
        var result = Lock(directory.Handle, LockExclusively | LockOrFail);
        if (result < 0 && Marshal.GetLastPInvokeError() == Errno.TryAgain)
        {
            return false;
        }

        Check(result, "lock", directory.Path);
        return true;
    }

    public SafeFileHandle Open(NodeDirectory directory, string path, OpenKind kind) => OpenBelow(directory, path, How(kind)) ?? throw Failure("open", directory.Of(path));

    public SafeFileHandle? TryOpen(NodeDirectory directory, string path, OpenKind kind)
    {
        if (OpenBelow(directory, path, How(kind)) is { } file)
        {
            return file;
        }

        return NodeFileException.TellsMissing(Marshal.GetLastPInvokeError()) ? null : throw Failure("open", directory.Of(path));
    }

    public SafeFileHandle Create(NodeDirectory directory, string name, UnixFileMode mode)
    {
        var how = new OpenHow
        {
            Flags = WriteOnlyFlag | CreateFlag | ExclusiveFlag | NoFollowFlag | CloseOnExecFlag,
            Mode = (ulong)mode,
            Resolve = ResolveInRoot | ResolveNoMagicLinks,
        };
        var file = OpenBelow(directory, name, how) ?? throw Failure("create", directory.Of(name));
        try
        {
            // The mode given at creation is narrowed by the umask.
            Check(ChangeMode(file, (uint)mode), "set the mode of", directory.Of(name));
            return file;
        }
        catch (NodeFileException)
        {
            file.Dispose();
            throw;
        }
    }

    public int Read(SafeFileHandle file, Span<byte> buffer, string path)
    {
        while (true)
        {
            var count = ReadFile(file, buffer, (nuint)buffer.Length);
            if (count >= 0)
            {
                return (int)count;
            }

            if (Marshal.GetLastPInvokeError() != Errno.Interrupted)
            {
                throw Failure("read", path);
            }
        }
    }

    public void List(NodeDirectory directory, bool onlyDirectories, Action<string> found) => TreeCalls.List(directory, onlyDirectories, found);

    public void Write(SafeFileHandle file, ReadOnlySpan<byte> content, string path)
    {
        while (!content.IsEmpty)
        {
            var count = WriteFile(file, content, (nuint)content.Length);
            if (count >= 0)
            {
                content = content[(int)count..];
            }
            else if (Marshal.GetLastPInvokeError() != Errno.Interrupted)
            {
                throw Failure("write", path);
            }
        }
    }

    public void Flush(SafeFileHandle file, string path) => Check(Synchronize(file), "flush", path);

    public void FlushDirectory(NodeDirectory directory) => Check(Synchronize(directory.Handle), "flush", directory.Path);

    public void Rename(NodeDirectory directory, string from, string to) =>
        Check(RenameAt(directory.Handle, from, directory.Handle, to), "put in place", directory.Of(to));

    public void Link(NodeDirectory directory, string from, string to) =>
        Check(LinkAt(directory.Handle, from, directory.Handle, to, 0), "keep a second name for", directory.Of(from));

    public void Delete(NodeDirectory directory, string name) => Check(UnlinkAt(directory.Handle, name, 0), "remove", directory.Of(name));

    public void MakeDirectory(NodeDirectory directory, string name, UnixFileMode mode) =>
        Check(MakeDirectoryAt(directory.Handle, name, (uint)mode), "make directory", directory.Of(name));

    public void RemoveDirectory(NodeDirectory directory, string name) =>
        Check(UnlinkAt(directory.Handle, name, RemoveDirectoryFlag), "remove directory", directory.Of(name));

    public void SymbolicLink(NodeDirectory directory, string name, string target) => TreeCalls.SymbolicLink(directory, name, target);

    public void HardLink(NodeDirectory fromDirectory, string from, NodeDirectory toDirectory, string to) =>
        TreeCalls.HardLink(fromDirectory, from, toDirectory, to);

    public void ChangeOwner(NodeDirectory directory, string name, uint uid, uint gid) => TreeCalls.ChangeOwner(directory, name, uid, gid);

    public void Apply(SafeFileHandle file, FileFacts facts, IEnumerable<KeyValuePair<string, byte[]>> attributes, string path) =>
        TreeCalls.Apply(file, facts, attributes, path);

    public void FlushFileSystem(NodeDirectory directory) => TreeCalls.FlushFileSystem(directory);

    public void RemoveTree(NodeDirectory directory, string name) => TreeCalls.RemoveTree(directory, name);

    private static OpenHow How(OpenKind kind)
    {
        // Non-blocking: a FIFO in the place of a file must not hang the agent.
        var flags = CloseOnExecFlag | kind switch
        {
            // With anything beside it, it is refused.
            OpenKind.Path => PathFlag,
            _ => NoTerminalFlag | NonBlockingFlag,
        } | kind switch
        {
            OpenKind.Directory or OpenKind.DirectoryNoLinks => DirectoryFlag,
            OpenKind.ReadNoFollow => NoFollowFlag,
            OpenKind.Append => WriteOnlyFlag | AppendFlag | NoFollowFlag,
            _ => ReadOnlyFlag,
        };
        var resolve = ResolveInRoot | ResolveNoMagicLinks | (kind == OpenKind.DirectoryNoLinks ? ResolveNoSymbolicLinks : 0);
        return new() { Flags = flags, Resolve = resolve };
    }

    // Null where the kernel refused; the last error says why.
    private static SafeFileHandle? OpenBelow(NodeDirectory directory, string path, OpenHow how)
    {
        var added = false;
        try
        {
            directory.Handle.DangerousAddRef(ref added);
            return OpenHandle((int)directory.Handle.DangerousGetHandle(), path, how);
        }
        finally
        {
            if (added)
            {
                directory.Handle.DangerousRelease();
            }
        }
    }

    private static SafeFileHandle? OpenHandle(int directory, string path, OpenHow how)
    {
        // openat2 answers EAGAIN when a rename elsewhere on the machine made it unable to prove that ".." stayed inside.
        for (var tries = 0; ; tries++)
        {
            var handle = OpenAt2(OpenAt2Number, directory, path, in how, (nuint)Marshal.SizeOf<OpenHow>());
            if (handle >= 0)
            {
                return new SafeFileHandle((nint)handle, ownsHandle: true);
            }

            if (Marshal.GetLastPInvokeError() is not (Errno.TryAgain or Errno.Interrupted) || tries == MaxTries)
            {
                return null;
            }
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

    [StructLayout(LayoutKind.Sequential)]
    private struct OpenHow
    {
        public ulong Flags;
        public ulong Mode;
        public ulong Resolve;
    }

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial long OpenAt2(long number, int directory, string path, in OpenHow how, nuint size);

    [LibraryImport("libc", EntryPoint = "fchmod", SetLastError = true)]
    private static partial int ChangeMode(SafeFileHandle file, uint mode);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    private static partial nint ReadFile(SafeFileHandle file, Span<byte> buffer, nuint count);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static partial nint WriteFile(SafeFileHandle file, ReadOnlySpan<byte> buffer, nuint count);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Synchronize(SafeFileHandle file);

    [LibraryImport("libc", EntryPoint = "flock", SetLastError = true)]
    private static partial int Lock(SafeFileHandle file, int operation);

    [LibraryImport("libc", EntryPoint = "renameat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int RenameAt(SafeFileHandle fromDirectory, string from, SafeFileHandle toDirectory, string to);

    [LibraryImport("libc", EntryPoint = "linkat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int LinkAt(SafeFileHandle fromDirectory, string from, SafeFileHandle toDirectory, string to, int flags);

    [LibraryImport("libc", EntryPoint = "unlinkat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int UnlinkAt(SafeFileHandle directory, string name, int flags);

    [LibraryImport("libc", EntryPoint = "mkdirat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int MakeDirectoryAt(SafeFileHandle directory, string name, uint mode);
}
