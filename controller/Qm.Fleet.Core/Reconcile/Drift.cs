using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Revisions;

namespace Qm.Fleet.Core.Reconcile;

/// <summary>What somebody else changed on a node that had everything as wanted.</summary>
public static class Drift
{
    /// <summary>What a node waits for (see <see cref="NodeStep.Wait"/>) that differs and is left as it is.</summary>
    public const string Step = "Drift";

    /// <summary>Whether the environment wants differences told and not healed, and the node once had everything: before that, they are its way there.</summary>
    public static bool IsOnlyTold(RenderedRevision desired, NodeEvidence evidence) =>
        desired.Environment.Drift == DriftPolicy.Report && evidence.Confirmed && evidence.Revision == desired.Name;

    /// <summary>Owned files that are not as the revision has them, in a stable order.</summary>
    public static IReadOnlyList<OwnedFileId> Files(RenderedRevision desired, NodeEvidence evidence) =>
    [
        .. desired.Files.Where(file => evidence.Files.GetValueOrDefault(file.Id)?.Sha256 != file.Sha256).Select(file => file.Id),
        .. evidence.Files.Keys.Where(id => desired.Find(id) is null),
    ];

    /// <summary>Every difference, for a person; empty when there is none.</summary>
    internal static string Tell(RenderedRevision desired, NodeEvidence evidence) => string.Join("; ",
    [
        .. Files(desired, evidence).Select(file => $"{evidence.Files.GetValueOrDefault(file)?.Path ?? file.ToString()} {(
            !evidence.Files.ContainsKey(file) ? "is gone" : desired.Find(file) is null ? "was added" : "was edited")}"),
        .. NodeChecks.Evaluate(desired, evidence).Where(check => check.Result == CheckResult.Fail)
            .Select(check => $"{check.Name} is {check.Found}, wanted is {check.Wanted}"),
        .. desired.Environment.RootfsArchive is { } archive && !evidence.Rootfs.Slots.Contains(archive.Sha256) ? [$"rootfs {archive.Sha256[..12]} is gone"] : (string[])[],
    ]);
}
