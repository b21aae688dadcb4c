using Qm.Fleet.Controller.Storage;

namespace Qm.Fleet.Controller.Security;

/// <summary>Takes up what was decided about nodes for good, also where nobody waits for it: a node that is retired when it is clean ends its stream then.</summary>
internal sealed partial class StandingKeeper(ChangeFeed feed, NodeStanding standing, CertificateDesk certificates, TimeProvider time, ILogger<StandingKeeper> logger) : BackgroundService
{
    private static readonly TimeSpan AfterFailure = TimeSpan.FromSeconds(1);

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var changes = feed.Subscribe(ResourceKind.Standing);
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                // Once before the first wait: what was decided while nobody listened.
                standing.Refresh();
                certificates.Refresh();
                await changes.WaitAsync(stoppingToken).ConfigureAwait(false);
            }
            catch (Exception e) when (stoppingToken.IsCancellationRequested && e is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
            catch (StoreException e)
            {
                Log.NotRead(logger, e.Message);
                await Task.Delay(AfterFailure, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private static partial class Log
    {
        [LoggerMessage(1233, LogLevel.Warning, "Whether nodes are retired could not be read, and is asked again: {Reason}", EventName = nameof(NotRead))]
        public static partial void NotRead(ILogger logger, string reason);
    }
}
