using Qm.Fleet.Agent.Revisions;
using Qm.Fleet.Core.Revisions;

namespace Qm.Fleet.Agent.Tests;

/// <summary>Two revisions that differ in every way a commit can: a file changed, kept, added and removed; and one that takes everything away.</summary>
internal static class Sample
{
    public const string BrakeDropIn = "/etc/systemd/system/brake-control.service.d/50-qm-fleet.conf";

    public static StagedRevision Old { get; } = new("r1",
    [
        new(OwnedFileKind.QmContainerDropIn, "", "[Service]\nMemoryHigh=2G\nCPUQuota=60%\nOOMScoreAdjust=500\n"),
        new(OwnedFileKind.QmContainersConf, "", "[containers]\noom_score_adj = 760\n"),
        new(OwnedFileKind.Workload, "radio", "[Container]\nImage=localhost/radio:3\n"),
        new(OwnedFileKind.Workload, "store", "[Container]\nImage=localhost/store:1\n"),
    ]);

    public static StagedRevision New { get; } = new("r2",
    [
        new(OwnedFileKind.QmContainerDropIn, "", "[Service]\nMemoryHigh=1536M\nOOMScoreAdjust=550\n"),
        new(OwnedFileKind.QmContainersConf, "", "[containers]\noom_score_adj = 760\n"),
        new(OwnedFileKind.Workload, "radio", "[Container]\nImage=localhost/radio:4\n"),
        new(OwnedFileKind.QmBlueChiAgentConf, "", "[bluechi-agent]\nHeartbeatInterval=2000\n"),
        new(OwnedFileKind.AsilDropIn, "brake-control.service", "[Service]\nOOMScoreAdjust=-1000\n"),
    ]);

    public static StagedRevision Nothing { get; } = new("r3", []);

    public static Task StageAsync(this NodeRevisions revisions, StagedRevision revision) =>
        revisions.StageAsync(revision.Revision, revision.Files, rootfsPreinstalled: revision.Rootfs is null, revision.Rootfs, TestContext.Current.CancellationToken);

    public static async Task CommitAsync(this NodeRevisions revisions, StagedRevision revision)
    {
        await revisions.StageAsync(revision);
        revisions.Commit(revision.Revision);
    }
}
