namespace Qm.Fleet.Simulation.Engine;

/// <summary>Time that passes when nothing else can happen; timers strike in the order of their times, then of their making.</summary>
internal sealed class VirtualTime(DateTimeOffset start) : TimeProvider
{
    private readonly PriorityQueue<(Timer Timer, int Generation), (long Due, long Number)> _timers = new();
    private long _number;

    /// <summary>What the wall clock was set forward by.</summary>
    internal TimeSpan Step { get; set; }

    /// <summary>Since the beginning, whatever the wall clock shows.</summary>
    internal TimeSpan Elapsed { get; private set; }

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;

    public override DateTimeOffset GetUtcNow() => start + Elapsed + Step;

    public override long GetTimestamp() => Elapsed.Ticks;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new Timer(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    /// <summary>Does something later.</summary>
    internal void After(TimeSpan delay, Action action) => At(delay, action);

    /// <summary>Does something later, unless it is disposed of before.</summary>
    internal ITimer At(TimeSpan delay, Action action) => CreateTimer(static state => ((Action)state!)(), action, delay, Timeout.InfiniteTimeSpan);

    /// <summary>Lets time pass to the next timer and strikes it; false when there is none.</summary>
    internal bool Strike()
    {
        while (_timers.TryDequeue(out var next, out var when))
        {
            if (next.Timer.Generation == next.Generation)
            {
                Elapsed = TimeSpan.FromTicks(Math.Max(Elapsed.Ticks, when.Due));
                next.Timer.Strike();
                return true;
            }
        }

        return false;
    }

    private sealed class Timer(VirtualTime time, TimerCallback callback, object? state) : ITimer
    {
        private TimeSpan _period;

        internal int Generation { get; private set; }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            Generation++;
            _period = period;
            if (dueTime >= TimeSpan.Zero)
            {
                time._timers.Enqueue((this, Generation), (time.Elapsed.Ticks + dueTime.Ticks, time._number++));
            }

            return true;
        }

        public void Dispose() => Generation++;

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }

        internal void Strike()
        {
            Generation++;
            if (_period > TimeSpan.Zero)
            {
                Change(_period, _period);
            }

            callback(state);
        }
    }
}
