using Qm.Fleet.Agent.CommitConfirm;
using Qm.Fleet.Agent.Revisions;
using Qm.Fleet.Core.Revisions;

namespace Qm.Fleet.Agent.Tests.CommitConfirm;

/// <summary>A node with r1 confirmed, and an r2 that changes every file of r1 and both BlueChi agents.</summary>
internal static class LinkChange
{
    public static readonly TimeSpan Within = TimeSpan.FromSeconds(60);

    public static StagedRevision New { get; } = new("r2",
        [.. Sample.New.Files, new(OwnedFileKind.HostBlueChiAgentConf, "", "[bluechi-agent]\nControllerPort=9\n")]);

    /// <summary>Commits and confirms r1.</summary>
    /// <returns>Every file of the node's <c>/etc</c> and <c>/usr</c> then.</returns>
    public static async Task<SortedDictionary<string, string>> ConfirmOldAsync(EmulatedNode node)
    {
        using var agent = node.Open();
        await agent.Revisions.CommitAsync(Sample.Old);
        agent.Revisions.Confirm(Sample.Old.Revision);
        return node.OwnedTrees();
    }

    /// <summary>Commits r2 with a deadline.</summary>
    public static async Task CommitNewAsync(NodeRevisions revisions)
    {
        await revisions.StageAsync(New);
        revisions.Commit(New.Revision, Within);
    }

    /// <summary>Another boot of the same node.</summary>
    public static void Reboot(EmulatedNode node, int boot) => node.Write("proc/sys/kernel/random/boot_id", $"{boot:d8}-7d1e-4d2b-9c57-0d4f6f1b2a33\n");
}

/// <summary>Stands for the node's systemd: remembers what it restarted, and refuses as often as it is told to.</summary>
internal sealed class SystemdByHand(int refusals = 0) : ILocalSystemd
{
    private readonly TaskCompletionSource _first = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _refusals = refusals;

    public List<string> Restarted { get; } = [];

    /// <summary>Ends when something was restarted.</summary>
    public Task First => _first.Task;

    public Task RestartHostAgentAsync(CancellationToken cancellationToken) => Restart("host");

    public Task RestartQmAgentAsync(CancellationToken cancellationToken) => Restart("qm");

    private Task Restart(string whose)
    {
        if (_refusals-- > 0)
        {
            throw new CommandRefusedException("RestartFailed", "Unit bluechi-agent.service not found.");
        }

        Restarted.Add(whose);
        _first.TrySetResult();
        return Task.CompletedTask;
    }
}
