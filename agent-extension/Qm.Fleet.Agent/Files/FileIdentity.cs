using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Qm.Fleet.Agent.Files;

/// <summary>
/// Tells one file of the machine from another that took its place, links followed. Packages keep the times that files are written at; inode and
/// time of change are the file system's own.
/// </summary>
/// <param name="Inode">Its number in its file system.</param>
/// <param name="Length">Its size in bytes.</param>
/// <param name="ChangedSeconds">When the inode was last changed, in seconds since 1970.</param>
/// <param name="ChangedNanoseconds">And nanoseconds.</param>
internal sealed partial record FileIdentity(ulong Inode, ulong Length, long ChangedSeconds, uint ChangedNanoseconds)
{
    // statx(2); its structure is the same on every architecture.
    private const int CurrentDirectory = -100;
    private const uint InodeSizeAndChange = 0x100 | 0x200 | 0x80;
    private const int StructureBytes = 256;
    private const int InodeAt = 32;
    private const int SizeAt = 40;
    private const int ChangeAt = 96;

    /// <summary>Looks at a file; null when it is missing or may not be looked at.</summary>
    public static FileIdentity? Of(string path)
    {
        Span<byte> found = stackalloc byte[StructureBytes];
        return Statx(CurrentDirectory, path, 0, InodeSizeAndChange, found) != 0 ? null : new(
            BinaryPrimitives.ReadUInt64LittleEndian(found[InodeAt..]),
            BinaryPrimitives.ReadUInt64LittleEndian(found[SizeAt..]),
            BinaryPrimitives.ReadInt64LittleEndian(found[ChangeAt..]),
            BinaryPrimitives.ReadUInt32LittleEndian(found[(ChangeAt + sizeof(long))..]));
    }

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Statx(int directory, string path, int flags, uint mask, Span<byte> found);
}
