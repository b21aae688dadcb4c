using System.Globalization;
using Grpc.Core;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Kinds;
using Qm.Fleet.Cli.Output;
using Qm.Fleet.V1;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>Waits for the rollouts that an apply began, and shows how far they are.</summary>
internal sealed class RolloutWait
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private readonly FleetConnection _connection;
    private readonly CliContext _context;
    private readonly SortedDictionary<string, string> _awaited;
    private readonly Dictionary<string, string> _progress;

    private readonly bool _isRemoval;

    private RolloutWait(IEnumerable<(string Fleet, string Rollout)> awaited, bool isRemoval, FleetConnection connection, CliContext context)
    {
        (_connection, _context, _isRemoval) = (connection, context, isRemoval);
        _awaited = new(awaited.ToDictionary(fleet => fleet.Fleet, fleet => fleet.Rollout), StringComparer.Ordinal);
        _progress = _awaited.ToDictionary(awaited => awaited.Key, awaited => $"{awaited.Value}  nothing was heard yet");
    }

    /// <summary>The rollout's name; operations are named after it.</summary>
    internal static string RolloutOf(Operation operation) => OperationKind.Short(operation.Name);

    /// <summary>Waits until every rollout succeeded, one failed, or <paramref name="limit"/> is over.</summary>
    /// <returns>An <see cref="ExitCode"/>: done, failed or timed out.</returns>
    internal static async Task<int> ForAsync(
        IReadOnlyList<AppliedFleet> applied, FleetConnection connection, CliContext context, TimeSpan limit, CancellationToken ct)
    {
        var begun = applied.Where(fleet => fleet.Operation is not null).Select(fleet => (fleet.Fleet.Metadata.Name, RolloutOf(fleet.Operation)));
        var wait = new RolloutWait(begun, isRemoval: false, connection, context);
        return wait._awaited.Count == 0 ? ExitCode.Done : await wait.RunAsync(limit, ct);
    }

    /// <summary>Waits until the rollout of a fleet succeeded, it failed, or <paramref name="limit"/> is over.</summary>
    /// <returns>An <see cref="ExitCode"/>: done, failed or timed out.</returns>
    internal static Task<int> ForAsync(Rollout rollout, FleetConnection connection, CliContext context, TimeSpan limit, CancellationToken ct) =>
        new RolloutWait([(rollout.Fleet, rollout.Name)], isRemoval: false, connection, context).RunAsync(limit, ct);

    /// <summary>Waits until every fleet that is being deleted is gone, one could not be cleaned, or <paramref name="limit"/> is over.</summary>
    /// <returns>An <see cref="ExitCode"/>: done, failed or timed out.</returns>
    internal static async Task<int> ForGoneAsync(
        IReadOnlyList<V1.Fleet> deleting, FleetConnection connection, CliContext context, TimeSpan limit, CancellationToken ct) => deleting.Count == 0
            ? ExitCode.Done
            : await new RolloutWait(deleting.Select(fleet => (fleet.Metadata.Name, fleet.Status.Rollout.Name)), isRemoval: true, connection, context).RunAsync(limit, ct);

    private async Task<int> RunAsync(TimeSpan limit, CancellationToken ct)
    {
        var started = _context.Time.GetTimestamp();
        using var timer = new CancellationTokenSource(limit, _context.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, timer.Token);
        try
        {
            var failure = await LiveLine.RunAsync(_context, "waiting for the nodes", show => WatchAsync(_context.ErrorIsTerminal ? _ => show(All()) : show, either.Token));
            await _context.Error.WriteLineAsync(failure ?? $"{(_isRemoval ? "Gone" : "Converged")} in {Durations.Show(_context.Time.GetElapsedTime(started))}");
            return failure is null ? ExitCode.Done : ExitCode.Failed;
        }
        catch (Exception e) when (e is RpcException or OperationCanceledException && timer.IsCancellationRequested && !ct.IsCancellationRequested)
        {
            await _context.Error.WriteLineAsync($"Not {(_isRemoval ? "gone" : "converged")} after {Durations.Show(limit)}; waiting for");
            foreach (var fleet in _awaited.Keys)
            {
                await _context.Error.WriteLineAsync($"  {_progress[fleet]}");
            }

            await _context.Error.WriteLineAsync($"It goes on without you; look with qmfleet describe fleet {_awaited.Keys.First()}");
            return ExitCode.TimedOut;
        }
    }

    // A terminal has one line for all of them.
    private string All() => string.Join("   ", _awaited.Keys.Select(fleet => _progress[fleet]));

    /// <summary>Follows the rollouts through watches that may break.</summary>
    /// <returns>Why it failed; null when all succeeded.</returns>
    private async Task<string?> WatchAsync(Action<string> show, CancellationToken ct)
    {
        while (true)
        {
            try
            {
                using var watch = _connection.Fleets.Watch(new(), cancellationToken: ct);
                var seen = new HashSet<string>(StringComparer.Ordinal);
                await foreach (var change in watch.ResponseStream.ReadAllAsync(ct))
                {
                    if (Judge(change, seen, show) is { } failure)
                    {
                        return failure;
                    }

                    if (_awaited.Count == 0)
                    {
                        return null;
                    }
                }
            }
            catch (RpcException e) when (!ct.IsCancellationRequested && RpcErrors.CanBeTakenUpAgain(e))
            {
                show($"the server went away ({RpcErrors.Deepest(e)}); asking again");
            }

            await Task.Delay(Pause, _context.Time, ct);
        }
    }

    // Null to go on: with fewer to wait for, or as before.
    private string? Judge(FleetChange change, HashSet<string> seen, Action<string> show)
    {
        if (change.Type == ChangeType.Bookmark)
        {
            return _awaited.Keys.Where(fleet => !seen.Contains(fleet)).ToArray().Select(Gone).FirstOrDefault(failure => failure is not null);
        }

        if (change.Fleet?.Metadata?.Name is not { } name || !_awaited.TryGetValue(name, out var awaited))
        {
            return null;
        }

        seen.Add(name);
        if (change.Type == ChangeType.Deleted)
        {
            return Gone(name);
        }

        var status = change.Fleet.Status;
        if (status?.Rollout is not { } rollout || NumberOf(rollout.Name) < NumberOf(awaited))
        {
            return null;
        }

        if (rollout.Name != awaited || rollout.Phase == Rollout.Types.Phase.Superseded)
        {
            return $"rollout {awaited} was superseded by {rollout.Name}; see qmfleet describe fleet {name}";
        }

        var message = rollout.Message.Length > 0 ? $": {PlainText.Of(rollout.Message)}" : "";
        var progress = string.Create(CultureInfo.InvariantCulture, $"{awaited}  {status.Ready} of {status.Nodes} nodes ready{message}");
        if (_progress[name] != progress)
        {
            _progress[name] = progress;
            show(progress);
        }

        if (rollout.Phase == Rollout.Types.Phase.Succeeded && !_isRemoval)
        {
            _awaited.Remove(name);
        }

        var end = rollout.Phase switch
        {
            Rollout.Types.Phase.Paused => "is paused",
            Rollout.Types.Phase.RollingBack => "goes back",
            Rollout.Types.Phase.RolledBack => "went back",
            Rollout.Types.Phase.Aborted => "was ended",
            _ => null,
        };
        return end is null ? null : $"rollout {awaited} {end}: {PlainText.Of(rollout.Message)}\nSee qmfleet rollout why {name}";
    }

    private string? Gone(string fleet) => _awaited.Remove(fleet, out var rollout) && !_isRemoval ? $"fleet {fleet} was deleted; rollout {rollout} ended with it" : null;

    private static int NumberOf(string rollout) => int.TryParse(rollout.AsSpan(rollout.LastIndexOf('/') + 1), CultureInfo.InvariantCulture, out var number) ? number : 0;
}
