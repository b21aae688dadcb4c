using Qm.Fleet.Agent.Drift;
using Qm.Fleet.Agent.Files;
using Qm.Fleet.Agent.Revisions;
using Qm.Fleet.Core.Revisions;
using Qm.Fleet.V1;

namespace Qm.Fleet.Agent.Evidence;

/// <summary>The owned files as found: what was written, and what has one of our fixed names all the same, because the state directory may have been lost.</summary>
internal static class OwnedFileEvidence
{
    /// <summary>Adds them to a report, with those that are not as they were committed.</summary>
    /// <param name="root">The node.</param>
    /// <param name="report">Gets files and drift.</param>
    /// <param name="state">What was committed.</param>
    /// <param name="isSettled">Whether that is known and no commit was cut short; otherwise nothing can be called drift.</param>
    /// <param name="etc">QM's <c>/etc</c> on the host; null when unknown.</param>
    /// <param name="findings">Told what cannot be read.</param>
    /// <returns>Where it looked.</returns>
    public static IReadOnlyList<OwnedPath> Read(NodeRoot root, NodeReport report, NodeState state, bool isSettled, string? etc, Findings findings)
    {
        var known = state.Files.ToDictionary(file => file.Path);
        using var trees = new OwnedTrees(root);
        var boot = new Lazy<string>(() => findings.Text("/proc/sys/kernel/random/boot_id") ?? "");
        var places = known.Values.Select(file => (file.Kind, file.Name, file.Path)).Union(FixedPlaces(etc, findings)).ToArray();
        foreach (var (kind, name, path) in places)
        {
            var committed = known.GetValueOrDefault(path);
            if (!TryRead(trees, path, findings, out var content))
            {
                continue;
            }

            var digest = content is null ? null : OwnedTrees.Digest(content);
            if (digest is not null)
            {
                report.Files.Add(new FileState
                {
                    Kind = (V1.OwnedFile.Types.Kind)kind,
                    Name = name,
                    Path = path.Full,
                    Sha256 = digest,
                    CommittedAtUs = committed is not null && committed.BootId == boot.Value ? committed.CommittedAtMicroseconds : 0,
                });
            }

            if (isSettled && digest != committed?.Sha256 && report.Drift.Count < DriftEvidence.FilesMax)
            {
                report.Drift.Add(DriftEvidence.Of(kind, name, path, committed is not null, content));
            }
        }

        return [.. places.Select(place => place.Path)];
    }

    private static List<(OwnedFileKind Kind, string Name, OwnedPath Path)> FixedPlaces(string? etc, Findings findings)
    {
        List<(OwnedFileKind Kind, string Name, OwnedPath Path)> places =
        [
            (OwnedFileKind.QmContainerDropIn, "", AllowList.QmContainerDropIn),
            (OwnedFileKind.HostBlueChiAgentConf, "", AllowList.HostBlueChiAgentConf),
        ];
        if (etc is not null)
        {
            places.Add((OwnedFileKind.QmContainersConf, "", AllowList.Locate(OwnedFileKind.QmContainersConf, "", etc)));
            places.Add((OwnedFileKind.QmBlueChiAgentConf, "", AllowList.Locate(OwnedFileKind.QmBlueChiAgentConf, "", etc)));
        }

        places.AddRange(
            from directory in findings.Names($"/{AllowList.AsilDirectory}")
            where directory.EndsWith(".d", StringComparison.Ordinal)
            let unit = directory[..^2]
            where AllowList.Problem(OwnedFileKind.AsilDropIn, unit) is null
            select (OwnedFileKind.AsilDropIn, unit, AllowList.Locate(OwnedFileKind.AsilDropIn, unit, "")));
        return places;
    }

    private static bool TryRead(OwnedTrees trees, OwnedPath path, Findings findings, out byte[]? content)
    {
        try
        {
            content = trees.Read(path);
            return true;
        }
        catch (NodeFileException e)
        {
            findings.Add($"The agent {e.Message}.");
            content = null;
            // Something else than a file has taken its place, so the file is gone.
            return e.Error is Errno.SymbolicLink or Errno.IsDirectory;
        }
    }
}
