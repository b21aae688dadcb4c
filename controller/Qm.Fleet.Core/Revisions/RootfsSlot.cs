namespace Qm.Fleet.Core.Revisions;

/// <summary>Where the agent extension keeps root file systems of QM: one directory for each archive, named by its digest.</summary>
public static class RootfsSlot
{
    /// <summary>The directory of the slots, from the node's root.</summary>
    public const string Directory = "/var/lib/qm-fleet/rootfs";

    // A /var of its own is the root of its file system; what is left of the path is the same.
    private const string Tail = "/qm-fleet/rootfs/";
    private const int DigestLength = 64;

    /// <summary>The slot of an archive, from the node's root.</summary>
    /// <param name="sha256">The archive's SHA-256.</param>
    public static string PathOf(string sha256) => $"{Directory}/{sha256}";

    /// <summary>The SHA-256 of the slot that a mount of the node comes from; null when it is no slot.</summary>
    /// <param name="mounted">A path within its file system, as /proc/&lt;pid&gt;/mountinfo tells it.</param>
    public static string? DigestOf(string mounted) =>
        mounted.Length > DigestLength && mounted[..^DigestLength].EndsWith(Tail, StringComparison.Ordinal) && IsDigest(mounted[^DigestLength..])
            ? mounted[^DigestLength..]
            : null;

    /// <summary>Whether a text is a SHA-256 as slots are named: 64 lower-case hex digits.</summary>
    public static bool IsDigest(string text) =>
        text.Length == DigestLength && text.All(character => char.IsAsciiDigit(character) || character is >= 'a' and <= 'f');
}
