using System.Collections.Concurrent;
using Qm.Fleet.Simulation.Mutations;

namespace Qm.Fleet.Simulation.Runs;

/// <summary>Many seeds, played beside each other, each on one thread.</summary>
/// <param name="Seeds">How many were played.</param>
/// <param name="Steps">How many steps they took together.</param>
/// <param name="Failed">Those that did not go well, by seed.</param>
internal sealed record Sweep(int Seeds, long Steps, IReadOnlyList<Outcome> Failed)
{
    /// <summary>Plays seeds in a row.</summary>
    /// <param name="first">The first.</param>
    /// <param name="seeds">How many.</param>
    /// <param name="bug">A bug to be planted in each.</param>
    /// <param name="processors">How many at a time.</param>
    /// <param name="stopAtFirst">Whether one that fails is enough.</param>
    /// <param name="ct">Ends it after the seeds that are being played.</param>
    internal static Sweep Of(ulong first, int seeds, Bug bug, int processors, bool stopAtFirst, CancellationToken ct)
    {
        var failed = new ConcurrentBag<Outcome>();
        var (played, steps) = (0, 0L);
        Parallel.For(0, seeds, new ParallelOptions { MaxDegreeOfParallelism = processors, CancellationToken = ct }, (index, loop) =>
        {
            var outcome = SimulationRun.Of(unchecked(first + (ulong)index), bug);
            Interlocked.Increment(ref played);
            Interlocked.Add(ref steps, outcome.Steps);
            if (outcome.Problem is not null)
            {
                failed.Add(outcome);
                if (stopAtFirst)
                {
                    loop.Stop();
                }
            }
        });
        return new(played, steps, [.. failed.OrderBy(outcome => outcome.Seed)]);
    }
}
