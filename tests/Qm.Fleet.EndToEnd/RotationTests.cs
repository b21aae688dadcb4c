using Grpc.Core;
using Qm.Fleet.V1;
using Xunit;

namespace Qm.Fleet.EndToEnd;

/// <summary>The certificate authority is exchanged under real agent extensions, while rollouts go on and somebody calls without a pause.</summary>
[Trait("Requirement", "QMF-PKI-002")]
[Trait("Requirement", "QMF-PKI-003")]
public sealed class RotationTests
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(150);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    [Fact]
    public async Task RotateAuthority_UnderLoad_CostsOneReconnectForEachRenewalAndRefusesNothing()
    {
        await using var lab = await FleetLab.StartAsync();
        await lab.ApplyAsync("cockpit.yaml");
        await lab.ConvergedAsync();
        using var stop = new CancellationTokenSource();
        var load = CallAsync(lab, stop.Token);
        var pki = new PkiService.PkiServiceClient(lab.Lab.Channel);

        await lab.RunAsync("pki", "rotate", "server");
        Assert.Equal(3, (await pki.RotateAuthorityAsync(new(), cancellationToken: FleetLab.Ct)).UsersOfOldCount);
        await lab.ApplyAsync("cockpit.yaml", ("MemoryHigh: 2G", "MemoryHigh: 1G"));
        await lab.ConvergedAsync((await lab.CockpitAsync()).Status.Revision);
        await UntilAsync(async () => (await pki.GetPkiAsync(new(), cancellationToken: FleetLab.Ct)).UsersOfOldCount == 0, "every node has a certificate of the new authority");
        Assert.Contains("has retired", await lab.RunAsync("pki", "rotate", "ca", "--finish"), StringComparison.Ordinal);
        await lab.ApplyAsync("cockpit.yaml", ("MemoryHigh: 2G", "MemoryHigh: 1536M"));
        await lab.ConvergedAsync((await lab.CockpitAsync()).Status.Revision);
        await stop.CancelAsync();

        var (calls, failures) = await load;
        Assert.Empty(failures);
        Assert.InRange(calls, 100, int.MaxValue);
        var events = await lab.EventsAsync();
        var log = await File.ReadAllTextAsync(Path.Combine(lab.Lab.Directory.Logs, "controller.log"), FleetLab.Ct);
        foreach (var node in lab.Lab.Nodes)
        {
            // The first stream, one for each renewal, and none besides.
            var renewed = events.Count(told => told.Reason == "CertificateRenewed" && told.Node == node.Name);
            Assert.InRange(log.Split($"Agent extension of {node.Name} connected").Length - 1, 2, renewed + 1);
        }
        Assert.DoesNotContain(events, static told => told.Reason is "RolloutFailed" or "RolloutPaused" or "AccessRefused");
    }

    /// <summary>Calls until it is stopped; answers how many calls there were, and what became of those that failed.</summary>
    private static async Task<(int Calls, IReadOnlyList<string> Failures)> CallAsync(FleetLab lab, CancellationToken ct)
    {
        var (calls, failures) = (0, new List<string>());
        var nodes = new NodeService.NodeServiceClient(lab.Lab.Channel);
        while (!ct.IsCancellationRequested)
        {
            try
            {
                await nodes.ListAsync(new(), cancellationToken: FleetLab.Ct);
                calls++;
            }
            catch (RpcException e)
            {
                failures.Add(e.Status.ToString());
            }

            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, FleetLab.Ct);
        }

        return (calls, failures);
    }

    private static async Task UntilAsync(Func<Task<bool>> done, string what)
    {
        using var deadline = new CancellationTokenSource(Deadline, TimeProvider.System);
        while (!await done())
        {
            Assert.False(deadline.IsCancellationRequested, $"not within {Deadline.TotalSeconds:0} s: {what}");
            await Task.Delay(Pause, TimeProvider.System, FleetLab.Ct);
        }
    }
}
