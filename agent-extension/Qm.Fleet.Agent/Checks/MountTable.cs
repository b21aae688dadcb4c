namespace Qm.Fleet.Agent.Checks;

/// <summary>The mounts a process sees, from its <c>mountinfo</c> (proc_pid_mountinfo(5)).</summary>
internal sealed class MountTable(IReadOnlyList<Mount> mounts)
{
    /// <summary>Every mount in the kernel's order; a later one on the same point hides the earlier.</summary>
    public IReadOnlyList<Mount> Mounts => mounts;

    /// <summary>The mount that is seen on a point; null when nothing is mounted there.</summary>
    public Mount? On(string point) => mounts.LastOrDefault(mount => mount.Point == point);

    /// <summary>Reads it; lines that make no sense are left out.</summary>
    public static MountTable Parse(string text) => new([.. text.Split('\n').Select(ParseLine).OfType<Mount>()]);

    // 36 35 98:0 /root /point rw,noatime master:1 - ext4 /dev/sda1 rw
    private static Mount? ParseLine(string line)
    {
        var words = line.Split(' ');
        var dash = Array.IndexOf(words, "-");
        return dash < 6 || words.Length < dash + 4 ? null : new(
            Unescape(words[4]), words[2], words[dash + 1],
            words[5].Split(',').Contains("ro") || words[dash + 3].Split(',').Contains("ro"));
    }

    private static string Unescape(string path) => path
        .Replace(@"\040", " ", StringComparison.Ordinal).Replace(@"\011", "\t", StringComparison.Ordinal)
        .Replace(@"\012", "\n", StringComparison.Ordinal).Replace(@"\134", @"\", StringComparison.Ordinal);
}

/// <summary>One mount.</summary>
/// <param name="Point">Where, as the process sees it.</param>
/// <param name="Device">Major and minor number of the file system: equal for the same one.</param>
/// <param name="Type">The file system's type.</param>
/// <param name="IsReadOnly">Whether nothing can be written through it.</param>
internal sealed record Mount(string Point, string Device, string Type, bool IsReadOnly)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Point} {Type} {Device} {(IsReadOnly ? "ro" : "rw")}";
}
