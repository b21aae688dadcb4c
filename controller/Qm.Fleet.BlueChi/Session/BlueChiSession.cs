using Microsoft.Extensions.Logging;
using Polly;
using Polly.Retry;
using Qm.Fleet.BlueChi.Bus;
using Qm.Fleet.BlueChi.Client;
using Qm.Fleet.BlueChi.Jobs;
using Qm.Fleet.BlueChi.Monitors;

namespace Qm.Fleet.BlueChi.Session;

/// <summary>Keeps talking to whichever BlueChi is there.</summary>
/// <remarks>
/// Connect, watch the name's owner, listen, list, subscribe; run until the owner changes or the bus goes; begin again.
/// Nothing of one owner is carried over to the next: it forgets jobs, monitors and ids.
/// </remarks>
/// <param name="options">Address and deadlines.</param>
/// <param name="observer">Hears of everything.</param>
/// <param name="time">Counts the deadlines.</param>
/// <param name="jitter">Numbers from 0 to 1, spreads the attempts of many controllers.</param>
/// <param name="logger">Says what the connection does, once for each change.</param>
public sealed partial class BlueChiSession(
    BlueChiOptions options, IBlueChiObserver observer, TimeProvider time, Func<double> jitter, ILogger<BlueChiSession> logger)
{
    private readonly UnsettledCommands _unsettled = new();
    private string _lastTrouble = "";

    /// <summary>Runs until cancelled.</summary>
    public async Task RunAsync(CancellationToken ct)
    {
        var pipeline = new ResiliencePipelineBuilder { TimeProvider = time }
            .AddRetry(new RetryStrategyOptions
            {
                ShouldHandle = new PredicateBuilder().Handle<BusException>().Handle<BlueChiException>(),
                MaxRetryAttempts = int.MaxValue,
                BackoffType = DelayBackoffType.Exponential,
                Delay = options.ReconnectInitial,
                MaxDelay = options.ReconnectMax,
                UseJitter = true,
                Randomizer = jitter,
                OnRetry = attempt =>
                {
                    NoteTrouble(attempt.Outcome.Exception!.Message);
                    return default;
                },
            })
            .Build();
        try
        {
            while (!ct.IsCancellationRequested)
            {
                await using var bus = await pipeline.ExecuteAsync(
                    async token => await BusConnection.ConnectAsync(options.Address, options.ConnectDeadline, time, token), ct);
                await ServeBusAsync(bus, ct);
                // A bus that accepts and drops at once must not be asked without a pause.
                await Task.Delay(options.ReconnectInitial * (1 + jitter()), time, ct);
            }
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            // Asked to end.
        }
    }

    // One connection may see several owners come and go.
    private async Task ServeBusAsync(BusConnection bus, CancellationToken ct)
    {
        var owners = new OwnerWatch();
        try
        {
            await using var watch = await bus.ListenAsync(
                new(Wire.Daemon, Wire.Daemon, "NameOwnerChanged", FirstArgument: Wire.Name), owners.Changed, owners.Lost, ct);
            owners.Known(await bus.FindOwnerAsync(Wire.Name, ct));
            while (!owners.IsLost)
            {
                var owner = owners.Current;
                if (owner is null)
                {
                    NoteTrouble($"nobody owns {Wire.Name}: bluechi-controller does not run, or is on another bus");
                    await owners.WaitForChangeAsync(owner, ct);
                    continue;
                }

                using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
                var serve = ServeOwnerAsync(bus, owner, stop.Token);
                await Task.WhenAny(owners.WaitForChangeAsync(owner, ct), serve);
                await stop.CancelAsync();
                await serve;
                if (owners.Current == owner)
                {
                    // The same owner that just failed us; asking again at once would only load it.
                    await Task.Delay(options.ReconnectMax * (0.5 + (jitter() / 2)), time, ct);
                }
            }
        }
        catch (BusException e)
        {
            NoteTrouble(e.Message);
        }
    }

    private async Task ServeOwnerAsync(BusConnection bus, string owner, CancellationToken stop)
    {
        var jobs = new JobTracker();
        var client = new BlueChiClient(bus, owner, jobs, _unsettled, observer, options, time, logger);
        var watch = new UnitWatch(client, options, time);
        var relay = new SignalRelay(client, jobs, new FloodGuard(options.FloodLimit, options.FloodLimit * 2, time), watch.Flooded, observer);
        client.Reloaded = relay.LookAt;
        var reason = $"the owner of {Wire.Name} changed, or its bus went";
        try
        {
            await using var removed = await bus.ListenAsync(new(owner, Wire.Controller, "JobRemoved"), jobs.Removed, ct: stop);
            await using var status = await bus.ListenAsync(new(owner, Wire.Properties, "PropertiesChanged"), relay.PropertiesChanged, ct: stop);
            await client.ListNodesAsync(relay.Listed, stop);
            await watch.BeginAsync(relay, stop);
            relay.Begin();
            _lastTrouble = "";
            Log.Connected(logger, owner, options.Address);
            await watch.RunAsync(relay, observer, stop);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The owner changed, or the session ends; both are said below.
        }
        catch (Exception e) when (e is BusException or BlueChiException)
        {
            reason = e.Message;
            NoteTrouble(reason);
        }

        jobs.Ended($"BlueChi was lost: {reason}");
        relay.End(reason);
    }

    // Once for each change, not for each attempt.
    private void NoteTrouble(string trouble)
    {
        if (trouble != _lastTrouble)
        {
            _lastTrouble = trouble;
            Log.NotConnected(logger, trouble);
            observer.Disconnected(trouble);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(1000, LogLevel.Information, "Connected to bluechi-controller {Owner} on {Address}", EventName = nameof(Connected))]
        internal static partial void Connected(ILogger logger, string owner, string address);

        [LoggerMessage(1001, LogLevel.Warning, "BlueChi is not heard: {Reason}", EventName = nameof(NotConnected))]
        internal static partial void NotConnected(ILogger logger, string reason);
    }
}
