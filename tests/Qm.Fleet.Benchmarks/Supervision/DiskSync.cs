using System.Collections.Immutable;
using System.Diagnostics;

namespace Qm.Fleet.Benchmarks.Supervision;

/// <summary>What it takes to have 4 KiB on disk: the least that a durable write can take there.</summary>
/// <param name="Times">Each of them.</param>
internal sealed record DiskSync(ImmutableArray<TimeSpan> Times)
{
    private const int Rounds = 200;
    private const int Block = 4096;

    /// <summary>Measures it in a folder.</summary>
    internal static DiskSync Measure(string folder)
    {
        var path = Path.Combine(folder, "sync");
        using var file = File.OpenHandle(path, FileMode.Create, FileAccess.Write, FileShare.None, FileOptions.DeleteOnClose);
        var times = ImmutableArray.CreateBuilder<TimeSpan>();
        for (var round = 0; round < Rounds; round++)
        {
            var begun = Stopwatch.GetTimestamp();
            RandomAccess.Write(file, new byte[Block], (long)round * Block);
            RandomAccess.FlushToDisk(file);
            times.Add(Stopwatch.GetElapsedTime(begun));
        }

        return new(times.ToImmutable());
    }

    internal DiskSync And(DiskSync other) => new(Times.AddRange(other.Times));
}
