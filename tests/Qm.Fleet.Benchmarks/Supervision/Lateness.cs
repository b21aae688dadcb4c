using System.Collections.Immutable;
using System.Diagnostics;

namespace Qm.Fleet.Benchmarks.Supervision;

/// <summary>How late a thread that only sleeps comes to run: what the machine does to whoever waits on it, whatever is measured.</summary>
internal sealed class Lateness
{
    private static readonly TimeSpan Nap = TimeSpan.FromMilliseconds(5);
    private readonly List<TimeSpan> _late = [];
    private readonly Thread _thread;
    private volatile bool _isOver;

    private Lateness() => _thread = new(Watch) { IsBackground = true };

    internal static Lateness Begin()
    {
        var lateness = new Lateness();
        lateness._thread.Start();
        return lateness;
    }

    /// <summary>Ends it, and answers how late it was each time.</summary>
    internal ImmutableArray<TimeSpan> End()
    {
        _isOver = true;
        _thread.Join();
        return [.. _late];
    }

    private void Watch()
    {
        while (!_isOver)
        {
            var begun = Stopwatch.GetTimestamp();
            Thread.Sleep(Nap);
            _late.Add(Stopwatch.GetElapsedTime(begun) - Nap);
        }
    }
}
