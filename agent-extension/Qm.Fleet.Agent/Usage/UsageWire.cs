using Qm.Fleet.Agent.Diagnosis;
using Qm.Fleet.V1;

namespace Qm.Fleet.Agent.Usage;

/// <summary>Puts what was used over time on the wire, in bounded pieces.</summary>
internal static class UsageWire
{
    // The name of a series is told again in every piece it goes on in, and every message within a message has a tag and a length.
    private const int PieceBytesMax = DiagnosticsDesk.PieceBytes - 1024;
    private const int FramingBytes = 4;

    /// <summary>The pieces of an answer, the last one with how often and since when samples are taken; there is always one.</summary>
    public static IReadOnlyList<Diagnostics> Pieces(UsageSampler sampler, UsageQuery query)
    {
        List<Diagnostics> pieces = [new()];
        var bytes = 0;
        foreach (var series in sampler.History.Read(query))
        {
            var begun = Begin(series);
            foreach (var point in series.Points)
            {
                var size = point.CalculateSize() + FramingBytes;
                if (bytes + size > PieceBytesMax)
                {
                    pieces.Add(new());
                    bytes = 0;
                    begun = Begin(series);
                }

                begun.Points.Add(point);
                bytes += size;
            }
        }

        pieces[^1].UsageIntervalMs = (long)sampler.Interval.TotalMilliseconds;
        if (sampler.History.Reach is { } reach)
        {
            pieces[^1].UsageOldestMsAgo = (long)reach.TotalMilliseconds;
        }

        return pieces;

        UsageSeries Begin(UsageSeries series)
        {
            var begun = new UsageSeries { Unit = series.Unit, Cgroup = series.Cgroup };
            bytes += begun.CalculateSize() + FramingBytes;
            pieces[^1].Usage.Add(begun);
            return begun;
        }
    }
}
