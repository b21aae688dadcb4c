using System.Runtime.InteropServices;

namespace Qm.Fleet.Lab.Nodes;

/// <summary>A small file system in place of a directory of a node, without any room, until it is disposed of; what was there before is there again then.</summary>
internal sealed partial class FullDisk : IDisposable
{
    private const long Bytes = 4 << 20;
    private const int Detach = 2;
    private readonly string _directory;

    private FullDisk(string directory) => _directory = directory;

    /// <summary>Mounts it, and fills it up.</summary>
    /// <param name="directory">In place of what; its own directories are there, too, and empty.</param>
    /// <exception cref="InvalidOperationException">The lab may not mount.</exception>
    public static FullDisk Mount(string directory)
    {
        var names = Directory.GetDirectories(directory).Select(Path.GetFileName).ToArray();
        if (Mount("qm-fleet-lab", directory, "tmpfs", 0, FormattableString.Invariant($"size={Bytes},mode=755")) != 0)
        {
            throw new InvalidOperationException($"a small file system cannot be mounted on {directory}: {Marshal.GetLastPInvokeErrorMessage()}; the lab has to run as root for that");
        }

        var disk = new FullDisk(directory);
        foreach (var name in names)
        {
            Directory.CreateDirectory(Path.Combine(directory, name!));
        }

        disk.Fill();
        return disk;
    }

    public void Dispose() => _ = Unmount(_directory, Detach);

    private void Fill()
    {
        try
        {
            using var file = File.OpenWrite(Path.Combine(_directory, "full"));
            for (var block = new byte[4096]; file.Length < Bytes;)
            {
                file.Write(block);
                file.Flush();
            }
        }
        catch (IOException)
        {
            // ENOSPC: it is full.
        }
    }

    [LibraryImport("libc", EntryPoint = "mount", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int Mount(string source, string target, string type, nuint flags, string data);

    [LibraryImport("libc", EntryPoint = "umount2", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int Unmount(string target, int flags);
}
