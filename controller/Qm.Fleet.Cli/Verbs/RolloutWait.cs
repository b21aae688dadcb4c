using Grpc.Core;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.V1;
using Spectre.Console;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>Waits for the rollouts that an apply began, and shows how far they are.</summary>
internal static class RolloutWait
{
    internal static async Task<int> ForAsync(
        IReadOnlyList<AppliedFleet> applied, FleetConnection connection, CliContext context, TimeSpan limit, CancellationToken ct)
    {
        var open = applied.Where(fleet => fleet.Operation is not null)
            .ToDictionary(fleet => fleet.Fleet.Metadata.Name, fleet => fleet.Operation.Name["operations/".Length..], StringComparer.Ordinal);
        if (open.Count == 0)
        {
            return ExitCode.Done;
        }

        var started = context.Time.GetTimestamp();
        var last = "nothing was heard yet";
        using var timer = new CancellationTokenSource(limit, context.Time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(ct, timer.Token);
        try
        {
            var result = context.IsTerminal
                ? await AnsiConsole.Create(new() { Out = new AnsiConsoleOutput(context.Error) }).Status().StartAsync(
                    "waiting for the nodes", status => WatchAsync(open, connection, line => status.Status(Markup.Escape(last = line)), context, both.Token))
                : await WatchAsync(open, connection, line => context.Error.WriteLine(last = line), context, both.Token);
            if (result == ExitCode.Done)
            {
                await context.Error.WriteLineAsync($"Converged in {Durations.Show(context.Time.GetElapsedTime(started))}");
            }

            return result;
        }
        catch (Exception e) when (timer.IsCancellationRequested && !ct.IsCancellationRequested && e is RpcException or OperationCanceledException)
        {
            await context.Error.WriteLineAsync($"not converged after {Durations.Show(limit)}: {last}\nIt goes on without you; look with qmfleet get nodes.");
            return ExitCode.TimedOut;
        }
    }

    private static async Task<int> WatchAsync(
        Dictionary<string, string> open, FleetConnection connection, Action<string> show, CliContext context, CancellationToken ct)
    {
        var shown = new HashSet<string>(StringComparer.Ordinal);
        using var watch = connection.Fleets.Watch(new(), cancellationToken: ct);
        await foreach (var change in watch.ResponseStream.ReadAllAsync(ct))
        {
            if (change.Fleet is not { } fleet || !open.TryGetValue(fleet.Metadata.Name, out var awaited) || fleet.Status?.Rollout is not { } rollout)
            {
                continue;
            }

            if (NumberOf(rollout.Name) > NumberOf(awaited) || change.Type == ChangeType.Deleted)
            {
                await context.Error.WriteLineAsync($"rollout {awaited} was replaced by a newer one, or its fleet deleted");
                return ExitCode.Failed;
            }

            var line = $"{rollout.Name}: {rollout.Message}";
            if (rollout.Name == awaited && shown.Add(line))
            {
                show(line);
            }

            switch (rollout.Name == awaited ? rollout.Phase : Rollout.Types.Phase.Progressing)
            {
                case Rollout.Types.Phase.Paused:
                    await context.Error.WriteLineAsync($"rollout {awaited} is paused: {rollout.Message}\nSee qmfleet events --fleet {fleet.Metadata.Name}.");
                    return ExitCode.Failed;
                case Rollout.Types.Phase.Succeeded when open.Remove(fleet.Metadata.Name) && open.Count == 0:
                    return ExitCode.Done;
            }
        }

        return ExitCode.Failed;
    }

    private static int NumberOf(string rollout) => int.TryParse(rollout.AsSpan(rollout.LastIndexOf('/') + 1), out var number) ? number : 0;
}
