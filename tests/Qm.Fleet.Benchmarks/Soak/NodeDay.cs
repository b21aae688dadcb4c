using Qm.Fleet.BlueChi;

namespace Qm.Fleet.Benchmarks.Soak;

/// <summary>What happens to one node in an hour, in the numbers of a bad one: a day has 24 of them.</summary>
/// <remarks>
/// A restart of the controller, killed or clean; four losses of the agent, one of them for good; a freeze; a reload every five minutes; a restart of a unit every minute; a
/// storm of 2,000 signals beside those that all this makes; a monitor opened and closed every five minutes.
/// </remarks>
/// <param name="site">Where.</param>
internal sealed class NodeDay(SoakSite site)
{
    private const string Agent = "bluechi-agent.service";
    private const int Reloads = 12;
    private const int Restarts = 60;
    private const int Losses = 4;
    private const int StormSignals = 2_000;

    /// <summary>How often each thing has happened.</summary>
    internal SortedDictionary<string, int> Counts { get; } = [];

    internal async Task HourAsync(int hour, CancellationToken ct)
    {
        for (var five = 0; five < Reloads; five++)
        {
            var client = await site.ReadyAsync(ct);
            await client.ReloadAsync(SoakSite.Node, ct);
            Count("reloads");
            await using (var monitor = await client.CreateMonitorAsync(_ => { }, ct))
            {
                await using var interest = await monitor.SubscribeAsync(SoakSite.Node, [SoakSite.Unit, $"soak-{five}.service"], ct);
                await RestartUnitAsync(client, ct);
            }

            Count("monitors");
            for (var restart = 1; restart < Restarts / Reloads; restart++)
            {
                await RestartUnitAsync(client, ct);
            }
        }

        site.BlueChi.Chatter(SoakSite.Node, StormSignals);
        Count("storm signals", StormSignals);
        for (var loss = 0; loss < Losses; loss++)
        {
            await LoseAgentAsync(fresh: loss == 0, ct);
        }

        await FreezeAsync(ct);
        await site.BlueChi.StopAsync(clean: hour % 2 == 0);
        await site.LostAsync(ct);
        await site.BlueChi.StartAgainAsync(ct);
        await site.ReadyAsync(ct);
        Count("controller restarts");
    }

    private async Task RestartUnitAsync(BlueChi.IBlueChi client, CancellationToken ct)
    {
        var outcome = await client.RestartUnitAsync(SoakSite.Node, SoakSite.Unit, ct);
        if (outcome.Result != BlueChi.Jobs.JobResult.Done)
        {
            throw new InvalidOperationException($"a restart was {outcome.Result}: {outcome.Detail}");
        }

        Count("unit restarts");
    }

    private async Task LoseAgentAsync(bool fresh, CancellationToken ct)
    {
        await site.ReadyAsync(ct);
        if (fresh)
        {
            await site.Systemd.RunAsync(Lab.Nodes.JobType.Stop, Agent, ct);
            await site.LostAsync(ct);
            await site.Systemd.RunAsync(Lab.Nodes.JobType.Start, Agent, ct);
        }
        else
        {
            site.BlueChi.Cut(SoakSite.Node);
            await site.LostAsync(ct);
            site.BlueChi.Heal(SoakSite.Node);
        }

        await site.ReadyAsync(ct);
        Count("agent losses");
    }

    // A call that nobody answers is given up, and carried out when the agent goes on.
    private async Task FreezeAsync(CancellationToken ct)
    {
        var client = await site.ReadyAsync(ct);
        site.BlueChi.Freeze(SoakSite.Node);
        try
        {
            await client.ListUnitsAsync(SoakSite.Node, ct);
            throw new InvalidOperationException("a frozen agent answered");
        }
        catch (OutcomeUnknownException)
        {
            Count("calls given up");
        }
        finally
        {
            site.BlueChi.Thaw(SoakSite.Node);
        }
    }

    private void Count(string what, int times = 1) => Counts[what] = Counts.GetValueOrDefault(what) + times;
}
