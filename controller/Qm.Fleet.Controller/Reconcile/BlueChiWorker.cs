using Qm.Fleet.BlueChi.Session;

namespace Qm.Fleet.Controller.Reconcile;

/// <summary>Keeps the session with BlueChi running for as long as the controller does.</summary>
internal sealed class BlueChiWorker(BlueChiSession session) : BackgroundService
{
    protected override Task ExecuteAsync(CancellationToken stoppingToken) => session.RunAsync(stoppingToken);
}
