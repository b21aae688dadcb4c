namespace Qm.Fleet.Agent.Files;

/// <summary>A system call on a file of the node failed.</summary>
/// <param name="verb">What was tried, such as "rename".</param>
/// <param name="path">Where, as the node sees it.</param>
/// <param name="errno">The kernel's error number, see <see cref="Errno"/>.</param>
/// <param name="why">The error in words.</param>
internal sealed class NodeFileException(string verb, string path, int errno, string why)
    : IOException($"cannot {verb} {path}: {why}")
{
    /// <summary>The kernel's error number.</summary>
    public int Error { get; } = errno;

    /// <summary>The file or directory, as the node sees it.</summary>
    public string Path { get; } = path;

    /// <summary>Whether what was looked for is not there (any more): no such file, process or device.</summary>
    public bool IsMissing => TellsMissing(Error);

    /// <summary>Whether an error number says that what was looked for is not there.</summary>
    public static bool TellsMissing(int errno) => errno is Errno.NoEntry or Errno.NotDirectory or Errno.NoSuchProcess or Errno.NoDevice;

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
