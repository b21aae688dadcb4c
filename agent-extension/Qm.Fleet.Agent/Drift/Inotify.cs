using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Qm.Fleet.Agent.Files;

namespace Qm.Fleet.Agent.Drift;

/// <summary>The kernel's inotify(7) for directories: says that something in them changed, not what; whoever is told looks for himself.</summary>
internal sealed partial class Inotify : IDisposable
{
    private const int CloseOnExec = 0x80000;
    private const int NonBlocking = 0x800;
    private const uint ChangedAttributes = 0x4;
    private const uint ClosedAfterWriting = 0x8;
    private const uint MovedFrom = 0x40;
    private const uint MovedTo = 0x80;
    private const uint Created = 0x100;
    private const uint Deleted = 0x200;
    private const uint DeletedItself = 0x400;
    private const uint MovedItself = 0x800;
    private const uint DirectoriesOnly = 0x01000000;
    private const uint Changes = ChangedAttributes | ClosedAfterWriting | MovedFrom | MovedTo | Created | Deleted | DeletedItself | MovedItself | DirectoriesOnly;
    private const short Readable = 1;
    private const int BufferBytes = 4096;

    private readonly SafeFileHandle _events;
    private readonly SafeFileHandle _stop;

    private Inotify(SafeFileHandle events, SafeFileHandle stop) => (_events, _stop) = (events, stop);

    /// <summary>Opens an instance; a user has 128 unless fs.inotify.max_user_instances says otherwise.</summary>
    /// <exception cref="NodeFileException">There is none left.</exception>
    public static Inotify Open()
    {
        var events = Handle(Initialize(CloseOnExec | NonBlocking), "open", "an inotify instance");
        try
        {
            return new(events, Handle(EventDescriptor(0, CloseOnExec | NonBlocking), "open", "an eventfd"));
        }
        catch (NodeFileException)
        {
            events.Dispose();
            throw;
        }
    }

    /// <summary>Watches an open directory, wherever it is moved; the same one again has no further effect.</summary>
    /// <returns>The watch; equal for the same directory.</returns>
    /// <exception cref="NodeFileException">There is none left (fs.inotify.max_user_watches), or the directory may not be read.</exception>
    public int Watch(NodeDirectory directory)
    {
        // The kernel's name for the open directory: what is watched is what was resolved below the node's root.
        var watch = Add(_events, $"/proc/self/fd/{directory.Handle.DangerousGetHandle()}", Changes);
        return watch >= 0 ? watch : throw Failure("watch", directory.Path);
    }

    /// <summary>Ends a watch; one that ended with its directory is none any more.</summary>
    public void Unwatch(int watch) => _ = Remove(_events, watch);

    /// <summary>Blocks until something changed, and forgets what it was.</summary>
    /// <returns>False when <see cref="Stop"/> was called.</returns>
    /// <exception cref="NodeFileException">The kernel refused to wait.</exception>
    public bool Wait()
    {
        Span<Descriptor> descriptors =
        [
            new() { Handle = (int)_events.DangerousGetHandle(), Wanted = Readable },
            new() { Handle = (int)_stop.DangerousGetHandle(), Wanted = Readable },
        ];
        while (Poll(ref descriptors[0], (nuint)descriptors.Length, -1) < 0)
        {
            if (Marshal.GetLastPInvokeError() != Errno.Interrupted)
            {
                throw Failure("wait for", "inotify");
            }
        }

        if (descriptors[1].Found != 0)
        {
            return false;
        }

        Span<byte> buffer = stackalloc byte[BufferBytes];
        while (ReadEvents(_events, buffer, (nuint)buffer.Length) > 0)
        {
            // Names and masks say less than a look at the directory.
        }

        return true;
    }

    /// <summary>Ends a <see cref="Wait"/>, the present or the next.</summary>
    public void Stop()
    {
        Span<byte> one = stackalloc byte[sizeof(ulong)];
        BitConverter.TryWriteBytes(one, 1UL);
        _ = WriteEvent(_stop, one, (nuint)one.Length);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _events.Dispose();
        _stop.Dispose();
    }

    private static SafeFileHandle Handle(int descriptor, string verb, string what) =>
        descriptor >= 0 ? new(descriptor, ownsHandle: true) : throw Failure(verb, what);

    private static NodeFileException Failure(string verb, string path)
    {
        var errno = Marshal.GetLastPInvokeError();
        return new(verb, path, errno, Marshal.GetPInvokeErrorMessage(errno));
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Descriptor
    {
        public int Handle;
        public short Wanted;
        public short Found;
    }

    [LibraryImport("libc", EntryPoint = "inotify_init1", SetLastError = true)]
    private static partial int Initialize(int flags);

    [LibraryImport("libc", EntryPoint = "inotify_add_watch", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Add(SafeFileHandle events, string path, uint mask);

    [LibraryImport("libc", EntryPoint = "inotify_rm_watch", SetLastError = true)]
    private static partial int Remove(SafeFileHandle events, int watch);

    [LibraryImport("libc", EntryPoint = "eventfd", SetLastError = true)]
    private static partial int EventDescriptor(uint initial, int flags);

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    private static partial int Poll(ref Descriptor descriptors, nuint count, int milliseconds);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    private static partial nint ReadEvents(SafeFileHandle events, Span<byte> buffer, nuint count);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static partial nint WriteEvent(SafeFileHandle stop, ReadOnlySpan<byte> buffer, nuint count);
}
