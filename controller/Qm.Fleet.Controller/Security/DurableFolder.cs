using System.ComponentModel;
using System.Runtime.InteropServices;
using System.Text;

namespace Qm.Fleet.Controller.Security;

/// <summary>A folder of small secret files that is there whole or not at all, whatever happens to the process or the power.</summary>
internal static partial class DurableFolder
{
    private const UnixFileMode PrivateFolder = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const UnixFileMode PrivateFile = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const int CurrentDirectory = -100;
    private const uint Exchange = 2;

    private static readonly Action<string> Nothing = static _ => { };

    /// <summary>Makes a folder of mode 0700, and its parents.</summary>
    public static void Create(string path) => Directory.CreateDirectory(path, PrivateFolder);

    /// <inheritdoc cref="Write(string, Action{string}, ReadOnlySpan{ValueTuple{string, string}})"/>
    public static void Write(string path, params ReadOnlySpan<(string Name, string Content)> files) => Write(path, Nothing, files);

    /// <summary>Writes the files (mode 0600) beside, then puts the folder in place at one stroke: whoever looks finds what was there before, or this.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="before">Told of each change of the disk before it is made.</param>
    /// <param name="files">File name and content.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    public static void Write(string path, Action<string> before, params ReadOnlySpan<(string Name, string Content)> files)
    {
        var parent = Path.GetDirectoryName(Path.GetFullPath(path))!;
        var beside = Path.Combine(parent, $".{Path.GetFileName(path)}.new");
        Remove(beside, before);
        before($"create {beside}");
        Create(beside);
        foreach (var (name, content) in files)
        {
            WriteNew(Path.Combine(beside, name), content, before);
        }
        Flush(beside);
        before($"rename {beside}");
        if (!Directory.Exists(path))
        {
            Directory.Move(beside, path);
        }
        else if (Rename(CurrentDirectory, beside, CurrentDirectory, path, Exchange) < 0)
        {
            // A file system that cannot exchange: a crash in between leaves the folder missing, never mixed.
            Remove(path, before);
            before($"rename {beside}");
            Directory.Move(beside, path);
        }
        Flush(parent);
        Remove(beside, before);
    }

    /// <summary>Writes a file (mode 0600) beside, then puts it in place at one stroke.</summary>
    /// <param name="path">The file.</param>
    /// <param name="content">Its text.</param>
    /// <param name="before">Told of each change of the disk before it is made.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    public static void WriteFile(string path, string content, Action<string> before)
    {
        var parent = Path.GetDirectoryName(Path.GetFullPath(path))!;
        var beside = Path.Combine(parent, $".{Path.GetFileName(path)}.new");
        File.Delete(beside);
        WriteNew(beside, content, before);
        before($"rename {beside}");
        File.Move(beside, path, overwrite: true);
        Flush(parent);
    }

    /// <summary>Removes a folder; one that is not there is no error.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="before">Told before it is done.</param>
    public static void Remove(string path, Action<string> before)
    {
        if (Directory.Exists(path))
        {
            before($"remove {path}");
            Directory.Delete(path, recursive: true);
        }
    }

    private static void WriteNew(string path, string content, Action<string> before)
    {
        before($"write {path}");
        using var file = new FileStream(path, new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            UnixCreateMode = PrivateFile,
        });
        file.Write(Encoding.UTF8.GetBytes(content));
        file.Flush(flushToDisk: true);
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

    // renameat2(2) of Linux 3.15.
    [LibraryImport("libc", EntryPoint = "renameat2", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Rename(int oldDirectory, string oldPath, int newDirectory, string newPath, uint flags);
}
