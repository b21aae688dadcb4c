using System.Runtime.InteropServices;

namespace Qm.Fleet.Agent.Files;

/// <summary>A system call on a file of the node failed.</summary>
/// <param name="verb">What was tried, such as "rename".</param>
/// <param name="path">Where, as the node sees it.</param>
/// <param name="errno">The kernel's error number, see <see cref="Errno"/>.</param>
/// <param name="why">The error in words.</param>
internal sealed class NodeFileException(string verb, string path, int errno, string why)
    : IOException($"cannot {verb} {path}: {why}")
{
    private const int ErrnoMax = 4095;

    /// <summary>The kernel's error number.</summary>
    public int Error { get; } = errno;

    /// <summary>The file or directory, as the node sees it.</summary>
    public string Path { get; } = path;

    /// <summary>Whether what was looked for is not there (any more): no such file, process or device.</summary>
    public bool IsMissing => TellsMissing(Error);

    /// <summary>Whether an error number says that what was looked for is not there.</summary>
    public static bool TellsMissing(int errno) => errno is Errno.NoEntry or Errno.NotDirectory or Errno.NoSuchProcess or Errno.NoDevice;

    /// <summary>What the class library says of a failed call, as this.</summary>
    /// <param name="verb">What was tried.</param>
    /// <param name="path">Where, as the node sees it.</param>
    /// <param name="exception">An <see cref="IOException"/> or <see cref="UnauthorizedAccessException"/>; its message names a path of the agent's own, and is not told.</param>
    public static NodeFileException From(string verb, string path, Exception exception)
    {
        var errno = exception switch
        {
            FileNotFoundException or DirectoryNotFoundException => Errno.NoEntry,
            UnauthorizedAccessException => Errno.AccessDenied,
            // Where the library has no exception for an error, it keeps the kernel's number.
            { HResult: > 0 and <= ErrnoMax } => exception.HResult,
            _ => Errno.InputOutput,
        };
        return new(verb, path, errno, Marshal.GetPInvokeErrorMessage(errno));
    }

    /// <summary>The CamelCase reason word that a command result carries.</summary>
    public string Reason => Error switch
    {
        Errno.NoSpace or Errno.QuotaExceeded => "NoSpace",
        Errno.ReadOnly => "ReadOnlyFileSystem",
        Errno.NoEntry => "DirectoryMissing",
        Errno.NotDirectory or Errno.IsDirectory or Errno.SymbolicLink or Errno.Exists => "WrongFileType",
        Errno.AccessDenied or Errno.NotPermitted => "AccessDenied",
        Errno.InputOutput => "InputOutputError",
        Errno.TooBig => "FileTooBig",
        _ => "FileSystemError",
    };
}
