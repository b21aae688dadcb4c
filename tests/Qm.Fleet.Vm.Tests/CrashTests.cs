using Qm.Fleet.Controller.Gateway;
using Qm.Fleet.Controller.Reconcile;
using Qm.Fleet.Core.Revisions;
using Qm.Fleet.Vm.Tests.Node;

namespace Qm.Fleet.Vm.Tests;

/// <summary>The agent extension, killed in the middle of a commit and started again by systemd.</summary>
[Collection(OnTheGuest.Name)]
public sealed class CrashTests(GuestNode node)
{
    private const int Workloads = 40;
    private const int Kills = 10;
    private const string Journal = "/var/lib/qm-fleet/journal.json";
    private const string Over = "/run/commit.over";
    private const string Killed = "/run/commit.killed";
    private const string Files = "/etc/qm/containers/systemd";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact, Trait("Requirement", "QMF-RULE-4")]
    public async Task Agent_KilledInTheMiddleOfACommit_LeavesTheOldFilesOrTheNewOnesAndGoesOn()
    {
        GuestNode.Need();
        await node.ReadyAsync(Environments.Plain.Checked());
        var (from, to) = (Revision("one", 60), Revision("other", 61));
        await StageAsync(from);
        Assert.True((await CommitAsync(from)).Ok);

        var midway = 0;
        for (var turn = 0; turn < Kills; turn++)
        {
            await StageAsync(to);
            var since = node.LinkedSince;
            await LieInWaitAsync(turn);
            var answer = await TryCommitAsync(to);
            var end = await node.Shell.RunAsync($"touch {Over}; until test -s {Killed}; do sleep 0.1; done; cat {Killed}", Ct);
            midway += end.StartsWith("midway", StringComparison.Ordinal) ? 1 : 0;
            await node.ConnectedAsync(since, Ct);

            var report = await node.Fleet.InspectAsync(Ct);
            var holds = report.Revision == to.Name ? to : from;
            TestContext.Current.TestOutputHelper?.WriteLine($"killed {end}; {(answer is null ? "no answer" : "answered")}; {(holds == to ? "new" : "old")} files");
            Assert.True(answer is null || holds == to, "what was answered as committed is not there");
            Assert.Equal((holds.Name, Expected(holds)), (report.Revision, await FilesAsync()));
            (from, to) = holds == to ? (to, from) : (from, to);
        }

        Assert.True(midway >= Kills / 2, $"{midway} of {Kills} kills came before the end of a commit, which is not the middle of it");
        await node.ReadyAsync(Environments.Plain.Checked());
    }

    // Leaves a killer behind that strikes once the journal is there and so many of the names that a commit makes and removes again lie in the
    // folder: one for each new content and one for each old. The first half of the kills hits it while they come, the second while they go.
    private Task<string> LieInWaitAsync(int turn)
    {
        var step = Workloads * 2 * (turn % (Kills / 2)) / (Kills / 2);
        var (come, names) = turn < Kills / 2 ? (true, step) : (false, (Workloads * 2) - step);
        return node.Shell.RunAsync(
            $$"""
            rm -f {{Over}} {{Killed}}
            agent=$(systemctl show --value --property=MainPID qm-fleet-agent.service)
            # Many kills in a row are the test's doing: systemd is not to wait longer after each.
            systemctl reset-failed qm-fleet-agent.service
            count() { set -- {{Files}}/.qm-fleet-*; test -e "$1" && found=$# || found=0; }
            ended() { ! test -e {{Journal}}; }
            {
              until test -e {{Journal}} || test -e {{Over}}; do :; done
              {{(come ? "" : $"until count; test $found -ge {Workloads * 2} || ended; do :; done")}}
              until count; test $found {{(come ? "-ge" : "-le")}} {{names}} || ended; do :; done
              kill -9 $agent
              ended && echo "after it" >{{Killed}} || echo "midway, at $found names" >{{Killed}}
            } >/dev/null 2>&1 &
            """, Ct);
    }

    private static RenderedRevision Revision(string name, int seconds) => RevisionRenderer.Render(name, (Environments.Plain with
    {
        Workloads = [.. Enumerable.Range(10, Workloads).Select(number => Environments.Radio(null, seconds) with { Name = $"radio{number}" })],
    }).Checked(), GuestNode.Name);

    private async Task StageAsync(RenderedRevision revision) =>
        Assert.True((await node.Fleet.SendAsync(new() { Stage = NodeActor.ToWire(revision) }, Ct)).Ok);

    // Null when the agent was killed before it could answer.
    private async Task<V1.CommandResult?> TryCommitAsync(RenderedRevision revision)
    {
        try
        {
            return await CommitAsync(revision);
        }
        catch (AgentUnreachableException)
        {
            return null;
        }
    }

    private Task<V1.CommandResult> CommitAsync(RenderedRevision revision) => node.Fleet.SendAsync(new() { Commit = new() { Revision = revision.Name } }, Ct);

    // Name and digest of every file, hidden ones too: nothing may be left beside.
    private Task<string> FilesAsync() => node.Shell.RunAsync($"cd {Files} && find . -type f -printf '%P\\n' | LC_ALL=C sort | xargs sha256sum", Ct);

    private static string Expected(RenderedRevision revision) => string.Join('\n', revision.Files.Where(file => file.Id.Kind == OwnedFileKind.Workload)
        .OrderBy(file => file.Id.Name, StringComparer.Ordinal).Select(file => $"{file.Sha256}  {file.Id.Name}.container"));
}
