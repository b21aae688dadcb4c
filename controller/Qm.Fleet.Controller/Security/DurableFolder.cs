using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Qm.Fleet.Controller.Security;

/// <summary>A folder of small secret files that is there whole or not at all, whatever happens to the process or the power.</summary>
internal static partial class DurableFolder
{
    private const UnixFileMode PrivateFolder = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const UnixFileMode PrivateFile = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>Makes a folder of mode 0700, and its parents.</summary>
    public static void Create(string path) => Directory.CreateDirectory(path, PrivateFolder);

    /// <summary>Writes the files (mode 0600) beside, then puts the folder in place with one rename.</summary>
    /// <param name="path">The folder. What was there before goes away first: a crash in between leaves it missing, never mixed.</param>
    /// <param name="files">File name and content.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    public static void Write(string path, params ReadOnlySpan<(string Name, string Content)> files)
    {
        var parent = Path.GetDirectoryName(Path.GetFullPath(path))!;
        var beside = Path.Combine(parent, $".{Path.GetFileName(path)}.new");
        Remove(beside);
        Create(beside);
        foreach (var (name, content) in files)
        {
            using var file = new FileStream(Path.Combine(beside, name), new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.Write,
                UnixCreateMode = PrivateFile,
            });
            file.Write(System.Text.Encoding.UTF8.GetBytes(content));
            file.Flush(flushToDisk: true);
        }
        Flush(beside);
        Remove(path);
        Directory.Move(beside, path);
        Flush(parent);
    }

    private static void Remove(string path)
    {
        if (Directory.Exists(path))
        {
            Directory.Delete(path, recursive: true);
        }
    }

    /// <summary>Makes the names in a folder durable, which .NET has no call for.</summary>
    public static void Flush(string folder)
    {
        var descriptor = Open(folder, 0);
        if (descriptor < 0)
        {
            throw new IOException($"Cannot open {folder}: {new Win32Exception(Marshal.GetLastPInvokeError()).Message}");
        }
        try
        {
            if (FileSync(descriptor) < 0)
            {
                throw new IOException($"Cannot flush {folder}: {new Win32Exception(Marshal.GetLastPInvokeError()).Message}");
            }
        }
        finally
        {
            _ = Close(descriptor);
        }
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int FileSync(int descriptor);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);
}
