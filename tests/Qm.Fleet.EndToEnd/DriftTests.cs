using Qm.Fleet.V1;
using Xunit;

namespace Qm.Fleet.EndToEnd;

/// <summary>Somebody edits a node by hand: the real controller and the real agent extension, its inotify on real files.</summary>
public sealed class DriftTests : IAsyncLifetime
{
    private const string DropIn = "etc/containers/systemd/qm.container.d/50-qm-fleet.conf";
    private static readonly (string From, string To) OnlyTold = ("environment:", "environment:\n    drift: report");

    private FleetLab _lab = null!;

    public async ValueTask InitializeAsync() => _lab = await FleetLab.StartAsync(nodes: 1);

    public ValueTask DisposeAsync() => _lab.DisposeAsync();

    private string FullDropIn => Path.Combine(_lab.Lab.Nodes[0].Root, DropIn);

    [Fact]
    [Trait("Requirement", "QMF-DRIFT-001")]
    [Trait("Requirement", "QMF-DRIFT-003")]
    public async Task Edit_HealedFleet_IsPutBackAndTheEventShowsWhatWasChanged()
    {
        await _lab.ApplyAsync("cockpit.yaml");
        await _lab.ConvergedAsync();
        var committed = await File.ReadAllTextAsync(FullDropIn, FleetLab.Ct);

        await File.WriteAllTextAsync(FullDropIn, committed.Replace("OOMScoreAdjust=500", "OOMScoreAdjust=499", StringComparison.Ordinal), FleetLab.Ct);
        await EventAsync("FileDrifted");
        await EventAsync("FileSynced");
        await _lab.ConvergedAsync();

        Assert.Equal(committed, await File.ReadAllTextAsync(FullDropIn, FleetLab.Ct));
        var told = Assert.Single(await _lab.EventsAsync(), item => item.Reason == "FileDrifted");
        Assert.Equal(Event.Types.Severity.Warning, told.Severity);
        Assert.Contains("\n-OOMScoreAdjust=500\n+OOMScoreAdjust=499", told.Message, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Requirement", "QMF-DRIFT-003")]
    public async Task Edit_FleetThatIsOnlyTold_StaysAndIsSaidUntilItIsUndone()
    {
        await _lab.ApplyAsync("cockpit.yaml", OnlyTold);
        await _lab.ConvergedAsync();
        var committed = await File.ReadAllTextAsync(FullDropIn, FleetLab.Ct);
        var edited = committed.Replace("OOMScoreAdjust=500", "OOMScoreAdjust=499", StringComparison.Ordinal);

        await File.WriteAllTextAsync(FullDropIn, edited, FleetLab.Ct);
        await _lab.StepAsync("ecu1", "WaitForDrift");
        await _lab.ConditionAsync("ecu1", "Synced", Condition.Types.Status.False);
        Assert.Equal(edited, await File.ReadAllTextAsync(FullDropIn, FleetLab.Ct));
        Assert.Contains("EDITED", await _lab.RunAsync("describe", "node", "ecu1"), StringComparison.Ordinal);

        await File.WriteAllTextAsync(FullDropIn, committed, FleetLab.Ct);
        await _lab.StepAsync("ecu1", "Ready");
        await _lab.ConditionAsync("ecu1", "Synced", Condition.Types.Status.True);
        Assert.Single(await _lab.EventsAsync(), item => item.Reason == "RevisionCommitted");
    }

    [Fact]
    [Trait("Requirement", "QMF-AGENT-005")]
    [Trait("Requirement", "QMF-AGENT-006")]
    [Trait("Requirement", "QMF-AGENT-008")]
    public async Task Node_Converged_TellsFactsUsageMountsAndThatItLives()
    {
        await _lab.ApplyAsync("cockpit.yaml");
        await _lab.ConvergedAsync();
        await _lab.NodeAsync("ecu1", node => node.Status.Usage?.Qm is not null, "ecu1 told what QM uses");
        var status = (await _lab.ConvergedAsync())["ecu1"].Status;

        Assert.Equal(("6.12.0-emulated", "Emulated ECU", "Emulated QM", 2), (status.Report.Facts.Kernel, status.Report.Facts.Os, status.Report.Facts.QmOs, status.Report.Facts.CgroupVersion));
        Assert.All(
            (string[])["Rootfs", "Volume./etc", "Volume./var"],
            name => Assert.Equal(Check.Types.Result.Pass, Assert.Single(status.Checks, check => check.Name == name).Result));
        Assert.Equal(Condition.Types.Status.True, Assert.Single(status.Conditions, condition => condition.Type == "Verified").Status);
        Assert.True(status.HeardAt >= status.ReportedAt && status.LookedAt is not null);
    }

    private async Task EventAsync(string reason)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60), TimeProvider.System);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, FleetLab.Ct);
        using var watch = new EventService.EventServiceClient(_lab.Lab.Channel).Watch(new(), cancellationToken: either.Token);
        List<string> seen = [];
        List<string> told = [];
        try
        {
            while (!seen.Contains(reason) && await watch.ResponseStream.MoveNext(either.Token))
            {
                seen.Add(watch.ResponseStream.Current.Reason);
                told.Add($"{watch.ResponseStream.Current.Reason} ({watch.ResponseStream.Current.Message})");
            }
        }
        catch (Grpc.Core.RpcException e) when (deadline.IsCancellationRequested)
        {
            throw new TimeoutException($"no {reason} within 60 s, but {string.Join(", ", told)}", e);
        }
    }
}
