using System.Diagnostics;
using System.Globalization;
using Qm.Fleet.BlueChi.Bus;

namespace Qm.Fleet.Benchmarks.Soak;

/// <summary>What a process holds.</summary>
/// <param name="Handles">Open file descriptors.</param>
/// <param name="Threads">Threads.</param>
/// <param name="ManagedBytes">Live objects, after a full collection.</param>
/// <param name="ResidentBytes">Memory the kernel counts.</param>
/// <param name="Matches">Match rules that the bus holds for the client.</param>
/// <param name="Subscriptions">Units that BlueChi holds a subscription for.</param>
internal sealed record Footprint(int Handles, int Threads, long ManagedBytes, long ResidentBytes, long Matches, int Subscriptions)
{
    private const int HandlesAllowed = 8;
    private const int ThreadsAllowed = 8;
    private const long ManagedAllowed = 2 << 20;
    private const long ResidentAllowed = 32 << 20;

    internal static async Task<Footprint> TakeAsync(SoakSite site, CancellationToken ct)
    {
        var client = await site.ReadyAsync(ct);
        // Whatever is still under way has an answer before this one.
        await client.ListNodesAsync(ct);
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
        using var process = Process.GetCurrentProcess();
        return new(
            Directory.GetFiles("/proc/self/fd").Length, process.Threads.Count, GC.GetTotalMemory(forceFullCollection: true), process.WorkingSet64,
            await MatchesAsync(site, ct), site.BlueChi.Subscriptions(SoakSite.Node));
    }

    /// <summary>What has grown more than noise does; empty when all is where it was.</summary>
    internal IReadOnlyList<string> GrownSince(Footprint before) =>
    [
        .. Grown("handles", before.Handles, Handles, HandlesAllowed),
        .. Grown("threads", before.Threads, Threads, ThreadsAllowed),
        .. Grown("managed bytes", before.ManagedBytes, ManagedBytes, ManagedAllowed),
        .. Grown("resident bytes", before.ResidentBytes, ResidentBytes, ResidentAllowed),
        .. Grown("match rules", before.Matches, Matches, 0),
        .. Grown("subscriptions", before.Subscriptions, Subscriptions, 0),
    ];

    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"{Handles} handles, {Threads} threads, {ManagedBytes / 1048576.0:0.0} MiB managed, {ResidentBytes / 1048576.0:0.0} MiB resident, {Matches} match rules, {Subscriptions} subscriptions");

    private static IEnumerable<string> Grown(string what, long before, long now, long allowed) =>
        now - before > allowed ? [string.Create(CultureInfo.InvariantCulture, $"{what} grew from {before} to {now}; {allowed} more are noise")] : [];

    private static async Task<long> MatchesAsync(SoakSite site, CancellationToken ct)
    {
        await using var bus = await BusConnection.ConnectAsync(site.Address, TimeSpan.FromSeconds(5), TimeProvider.System, ct);
        var statistics = await bus.CallAsync(
            "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus.Debug.Stats", "GetConnectionStats", [site.UniqueName], TimeSpan.FromSeconds(5), ct: ct);
        return statistics[0].AsEntries().Single(entry => entry.Key.AsText() == "MatchRules").Value.AsInner() is BusValue.UInt32 { Value: var rules }
            ? rules
            : throw new InvalidOperationException("dbus-daemon keeps no statistics of match rules");
    }
}
