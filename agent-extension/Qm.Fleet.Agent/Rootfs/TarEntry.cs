namespace Qm.Fleet.Agent.Rootfs;

/// <summary>What an entry of an archive becomes.</summary>
internal enum TarKind
{
    File,
    Directory,
    SymbolicLink,
    HardLink,

    /// <summary>A device node, FIFO, sparse file, volume label or other thing that is not unpacked.</summary>
    Other,
}

/// <summary>One entry of a tar archive as it was read; nothing is judged.</summary>
/// <param name="Path">As written.</param>
/// <param name="Kind">What it becomes.</param>
/// <param name="Type">The type letter of the header.</param>
/// <param name="Size">Bytes of content that follow.</param>
/// <param name="Mode">Permissions with set-user-id, set-group-id and sticky bits.</param>
/// <param name="Uid">Owner.</param>
/// <param name="Gid">Group.</param>
/// <param name="ModifiedSeconds">Seconds since 1970.</param>
/// <param name="Target">Of a link, as written; else empty.</param>
/// <param name="Attributes">Extended attributes, byte for byte.</param>
internal sealed record TarEntry(
    string Path, TarKind Kind, char Type, long Size, uint Mode, uint Uid, uint Gid, long ModifiedSeconds, string Target,
    IReadOnlyList<KeyValuePair<string, byte[]>> Attributes)
{
    private const int PathBytesMax = 4096;
    private const int NameBytesMax = 255;

    /// <summary>The path from the archive's top, without <c>./</c> and a final slash; empty for the top itself.</summary>
    public string InTree { get; } = Normalize(Path);

    /// <summary>The target of a hard link from the archive's top.</summary>
    public string TargetInTree => Normalize(Target);

    /// <summary>Whether it is one of the device nodes below /dev, which Podman's own /dev hides in every container.</summary>
    public bool IsHidden => Kind == TarKind.Other && Type is '3' or '4' or '6' && InTree.StartsWith("dev/", StringComparison.Ordinal);

    /// <summary>Why it is not unpacked, as a phrase; null when it is.</summary>
    public string? Problem() => PathProblem(Path, InTree) ?? Kind switch
    {
        TarKind.Other when IsHidden => null,
        TarKind.Other => Type switch
        {
            '3' or '4' => "is a device node, which has no place in a rootfs outside /dev",
            '6' => "is a FIFO, which has no place in a rootfs outside /dev",
            'S' => "is a sparse file in GNU's old format; make the archive without --sparse",
            _ => $"is of type '{(char.IsControl(Type) ? '?' : Type)}', which this agent does not know",
        },
        TarKind.HardLink when PathProblem(Target, TargetInTree) is { } problem => $"is a hard link whose target {problem}",
        TarKind.SymbolicLink when Target.Length is 0 or > PathBytesMax || Target.Any(char.IsControl) => "is a symbolic link with an impossible target",
        TarKind.Directory or TarKind.SymbolicLink or TarKind.HardLink when Size > 0 && Kind != TarKind.HardLink => "has content, which only files have",
        _ => Attributes.Select(attribute => attribute.Key).FirstOrDefault(name => name.StartsWith("trusted.", StringComparison.Ordinal)) is { } trusted
            ? $"has the attribute {trusted}, which is the node's own kind"
            : null,
    };

    private static string? PathProblem(string path, string normalized) => path switch
    {
        { Length: 0 } => "has no name",
        ['/', ..] => "is an absolute path",
        _ when path.Split('/').Contains("..") => "leads out of the rootfs (..)",
        _ when path.Contains('\uFFFD') => "has a name that is not UTF-8",
        _ when path.Any(char.IsControl) => "has a control character in its name",
        _ when System.Text.Encoding.UTF8.GetByteCount(normalized) >= PathBytesMax
            || normalized.Split('/').Any(name => System.Text.Encoding.UTF8.GetByteCount(name) > NameBytesMax) => "has a name that is too long",
        _ => null,
    };

    private static string Normalize(string path) =>
        string.Join('/', path.Split('/', StringSplitOptions.RemoveEmptyEntries).Where(component => component != "."));
}
