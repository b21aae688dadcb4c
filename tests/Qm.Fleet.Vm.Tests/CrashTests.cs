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
    private const string Journal = "/var/lib/qm-fleet/journal.json";
    private const string Files = "/etc/qm/containers/systemd";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact, Trait("Requirement", "QMF-RULE-4")]
    public async Task Agent_KilledInTheMiddleOfACommit_LeavesTheOldFilesOrTheNewOnesAndGoesOn()
    {
        GuestNode.Need();
        await node.ReadyAsync(Environments.Plain.Checked());
        var revisions = new[] { Revision("old", 60), Revision("new", 61) };
        await StageAsync(revisions[0]);
        Assert.True((await CommitAsync(revisions[0])).Ok);

        var midway = 0;
        for (var turn = 0; turn < 6; turn++)
        {
            var (from, to) = (revisions[turn % 2], revisions[(turn + 1) % 2]);
            await StageAsync(to);
            // Kills once the journal is there and so many names lie in the folder: each time a little later. Tells whether the journal was left.
            var kill = node.Shell.RunAsync(
                $"""
                agent=$(systemctl show --value --property=MainPID qm-fleet-agent.service)
                end=$(($(date +%s) + 60)) turns=0
                until test -e {Journal}; do turns=$((turns + 1)); test $((turns % 10000)) -ne 0 || test $(date +%s) -lt $end || exit 1; done
                while test -e {Journal}; do set -- {Files}/* {Files}/.*; test $# -lt {Workloads * (3 + turn) / 3} || break; done
                kill -9 $agent
                test -e {Journal} && echo midway || echo after
                """, Ct);
            var since = node.LinkedSince;
            var answer = await TryCommitAsync(to);
            midway += await kill == "midway" ? 1 : 0;
            await node.ConnectedAsync(since, Ct);

            var found = await FilesAsync();
            var report = await node.Fleet.InspectAsync(Ct);
            var holds = report.Revision == to.Name ? to : from;
            Assert.True(answer is null || holds == to, "what was answered as committed is not there");
            Assert.Equal((holds.Name, Expected(holds)), (report.Revision, found));
            if (holds == from)
            {
                await StageAsync(to);
                Assert.True((await CommitAsync(to)).Ok);
                Assert.Equal(Expected(to), await FilesAsync());
            }
        }

        Assert.True(midway > 0, "no kill came before the end of its commit");
        await node.ReadyAsync(Environments.Plain.Checked());
    }

    private static RenderedRevision Revision(string name, int seconds) => RevisionRenderer.Render(name, (Environments.Plain with
    {
        Workloads = [.. Enumerable.Range(10, Workloads).Select(number => Environments.Radio(null, "StopTimeout", $"{seconds}") with { Name = $"radio{number}" })],
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
        .Select(file => $"{file.Sha256}  {file.Id.Name}.container").Order(StringComparer.Ordinal).OrderBy(line => line.Split("  ")[1], StringComparer.Ordinal));
}
