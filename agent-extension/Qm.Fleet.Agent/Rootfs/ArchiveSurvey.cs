using Qm.Fleet.Agent.Revisions;

namespace Qm.Fleet.Agent.Rootfs;

/// <summary>What a look through a whole archive found, before anything is written.</summary>
/// <param name="Entries">How many entries it has.</param>
/// <param name="DiskBytes">What they take on disk, rounded up to blocks.</param>
internal sealed record ArchiveSurvey(int Entries, long DiskBytes)
{
    private const long BlockBytes = 4096;
    private const int ProblemsMax = 20;

    /// <summary>Reads an archive to its end.</summary>
    /// <exception cref="CommandRefusedException">ArchiveDamaged, or ArchiveRefused with every reason, at most 20.</exception>
    public static ArchiveSurvey Read(ArchiveStream archive, RootfsLimits limits)
    {
        var reader = new TarReader(archive);
        var seen = new Dictionary<string, TarKind>(StringComparer.Ordinal);
        var problems = new List<string>();
        var (entries, bytes) = (0, 0L);
        while (reader.Next() is { } entry)
        {
            if (++entries > limits.EntriesMax)
            {
                throw Refused([$"it has more than {limits.EntriesMax} entries"]);
            }

            bytes += BlockBytes + ((entry.Size + BlockBytes - 1) / BlockBytes * BlockBytes);
            if ((entry.Problem() ?? PlaceProblem(entry, seen)) is { } problem)
            {
                problems.Add($"\"{AllowList.Printable(entry.Path)}\" {problem}");
                if (problems.Count == ProblemsMax)
                {
                    break;
                }
            }
            else if (!entry.IsHidden)
            {
                seen[entry.InTree] = entry.Kind;
            }
        }

        if (problems.Count > 0)
        {
            throw Refused(problems);
        }

        Drain(archive);
        return new(entries, bytes);
    }

    // What an entry is put into must be a directory, and nothing is put over anything: a link could lead it elsewhere.
    private static string? PlaceProblem(TarEntry entry, Dictionary<string, TarKind> seen)
    {
        for (var slash = entry.InTree.IndexOf('/'); slash > 0; slash = entry.InTree.IndexOf('/', slash + 1))
        {
            if (seen.GetValueOrDefault(entry.InTree[..slash], TarKind.Directory) != TarKind.Directory)
            {
                return $"lies below {AllowList.Printable(entry.InTree[..slash])}, which is no directory";
            }
        }

        if (entry.InTree.Length == 0 && entry.Kind != TarKind.Directory)
        {
            return "takes the place of the rootfs itself";
        }

        if (seen.TryGetValue(entry.InTree, out var before) && !(before == TarKind.Directory && entry.Kind == TarKind.Directory))
        {
            return "is there twice";
        }

        return entry.Kind == TarKind.HardLink && seen.GetValueOrDefault(entry.TargetInTree, TarKind.Other) is not (TarKind.File or TarKind.HardLink)
            ? $"is a hard link to {AllowList.Printable(entry.Target)}, which is no file before it in the archive"
            : null;
    }

    // The checksum of what is compressed stands at its end.
    private static void Drain(ArchiveStream archive)
    {
        Span<byte> buffer = stackalloc byte[4096];
        while (archive.Read(buffer) > 0)
        {
        }
    }

    private static CommandRefusedException Refused(IReadOnlyList<string> problems) =>
        new("ArchiveRefused", $"The archive is not unpacked: {string.Join("; ", problems)}. Make it anew from the root of the rootfs, such as with tar -C rootfs -c .");
}
