using System.Security.Cryptography;

namespace Qm.Fleet.Controller.Api.Watches;

/// <summary>Registers what watches read.</summary>
internal static class WatchServices
{
    private const int EpochDigits = 16;

    internal static IServiceCollection AddWatches(this IServiceCollection services) => services
        .AddSingleton(WatchLimits.Usual)
        .AddSingleton(new EpochNames(static () => RandomNumberGenerator.GetHexString(EpochDigits, lowercase: true)))
        .AddSingleton<IWatchSource<V1.Node>, NodeSource>()
        .AddSingleton<IWatchSource<V1.Fleet>, FleetSource>()
        .AddSingleton<WatchedResources<V1.Node>>()
        .AddSingleton<WatchedResources<V1.Fleet>>();
}
