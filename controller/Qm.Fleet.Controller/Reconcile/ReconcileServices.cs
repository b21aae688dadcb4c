using Qm.Fleet.BlueChi;
using Qm.Fleet.BlueChi.Session;
using Qm.Fleet.Controller.Api;
using Qm.Fleet.Controller.Operations;
using Qm.Fleet.Controller.Supervise;

namespace Qm.Fleet.Controller.Reconcile;

/// <summary>Registers what brings nodes to what is wanted of them.</summary>
internal static class ReconcileServices
{
    internal static IServiceCollection AddReconcile(this IServiceCollection services) => services
        .AddSingleton<BlueChiLink>()
        .AddSingleton<LiveNodes>()
        .AddSingleton<EventSink>()
        .AddSingleton<OomKillSink>()
        .AddSingleton<NodeActor>()
        .AddSingleton<UnitLeases>()
        .AddSingleton(Decisions.Cores)
        .AddSingleton<RolloutNodes>()
        .AddSingleton<RolloutKeeper>()
        .AddSingleton<HealingDesk>()
        .AddSingleton<Func<double>>(Jitter)
        .AddSingleton<ILiveStatus, LiveStatus>()
        .AddSingleton(provider => new BlueChiSession(
            provider.GetRequiredService<BlueChiOptions>(),
            provider.GetRequiredService<BlueChiLink>(),
            provider.GetRequiredService<TimeProvider>(),
            Jitter,
            provider.GetRequiredService<ILogger<BlueChiSession>>()))
        .AddHostedService(provider => provider.GetRequiredService<EventSink>())
        .AddHostedService(provider => provider.GetRequiredService<OomKillSink>())
        .AddHostedService<BlueChiWorker>()
        // What was begun under an earlier controller has its units in hand before anybody else is at them.
        .AddSingleton<UnitOperations>()
        .AddSingleton<OperationRunner>()
        .AddSingleton<UnitRequests>()
        .AddSingleton<HostUnits>()
        .AddSingleton<UnitList>()
        .AddHostedService(static provider => provider.GetRequiredService<UnitOperations>())
        .AddHostedService<FleetReconciler>();

    // Spreads the attempts of controllers that lost the same bus at the same moment.
    private static double Jitter() => System.Security.Cryptography.RandomNumberGenerator.GetInt32(1 << 20) / (double)(1 << 20);
}
