namespace Qm.Fleet.Agent.Evidence;

/// <summary>The mounts a process sees, from its <c>mountinfo</c> (proc_pid_mountinfo(5)).</summary>
internal sealed class MountTable(IReadOnlyList<Mount> mounts)
{
    /// <summary>Every mount in the kernel's order; a later one on the same point hides the earlier.</summary>
    public IReadOnlyList<Mount> Mounts => mounts;

    /// <summary>The mount that is seen on a point; null when nothing is mounted there.</summary>
    public Mount? On(string point) => mounts.LastOrDefault(mount => mount.Point == point);

    /// <summary>The mount that an absolute path without links lies in; null when the table has none.</summary>
    public Mount? Holding(string path)
    {
        Mount? holding = null;
        foreach (var mount in mounts)
        {
            if (mount.Holds(path) && mount.Point.Length >= (holding?.Point.Length ?? 0))
            {
                holding = mount;
            }
        }

        return holding;
    }

    /// <summary>Reads it; lines that make no sense are left out.</summary>
    public static MountTable Parse(string text) => new([.. text.Split('\n').Select(ParseLine).OfType<Mount>()]);

    // 36 35 98:0 /root /point rw,noatime master:1 - ext4 /dev/sda1 rw
    private static Mount? ParseLine(string line)
    {
        var words = line.Split(' ');
        var dash = Array.IndexOf(words, "-");
        return dash < 6 || words.Length < dash + 4 ? null : new(
            Unescape(words[4]), words[2], Unescape(words[3]), words[dash + 1],
            words[5].Split(',').Contains("ro") || words[dash + 3].Split(',').Contains("ro"), Unescape(words[dash + 3]));
    }

    // The kernel writes blanks, line ends and backslashes as three octal digits.
    private static string Unescape(string path) => path.Split('\\') is [var first, .. var rest]
        ? first + string.Concat(rest.Select(part => part.Length >= 3 && part[..3].All(digit => digit is >= '0' and <= '7')
            ? (char)Convert.ToInt32(part[..3], 8) + part[3..]
            : "\\" + part))
        : path;
}

/// <summary>One mount.</summary>
/// <param name="Point">Where, as the process sees it.</param>
/// <param name="Device">Major and minor number of the file system: equal for the same one.</param>
/// <param name="Root">What of the file system is mounted: <c>/</c>, or the directory of a bind mount.</param>
/// <param name="Type">The file system's type.</param>
/// <param name="IsReadOnly">Whether nothing can be written through it.</param>
/// <param name="Options">Those of the file system, such as an overlay's layers.</param>
internal sealed record Mount(string Point, string Device, string Root, string Type, bool IsReadOnly, string Options)
{
    /// <summary>Whether a path is the mount's point or lies below it.</summary>
    public bool Holds(string path) => path.StartsWith(Point, StringComparison.Ordinal)
        && (path.Length == Point.Length || Point == "/" || path[Point.Length] == '/');

    /// <summary>A path it holds, told so that the same file is the same text in every process: device and path in the file system.</summary>
    public string Locate(string path)
    {
        var inside = path[(Point == "/" ? 0 : Point.Length)..].TrimEnd('/');
        var located = (Root == "/" ? "" : Root) + inside;
        return $"{Device} {(located.Length == 0 ? "/" : located)}";
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Point} {Type} {Device} {(IsReadOnly ? "ro" : "rw")}";
}
