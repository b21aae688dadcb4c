using Qm.Fleet.Controller.Reconcile;

namespace Qm.Fleet.Controller.Tests.Reconcile;

[Trait("Requirement", "QMF-SUPER-001")]
public sealed class SignalTests
{
    private static readonly TimeSpan Wait = TimeSpan.FromMilliseconds(100.4);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Wait_TimerThatComesEarly_LastsUntilItIsDue()
    {
        var time = new HastyTime();
        await new Signal().WaitAsync(Wait, time, Ct);
        Assert.Equal([101, 4], time.Asked);
        Assert.True(time.Elapsed >= Wait, $"it ended after {time.Elapsed.TotalMilliseconds} ms");
    }

    [Fact]
    public async Task Wait_SignalThatWasRaised_EndsAtOnceAndLowersIt()
    {
        var (signal, time) = (new Signal(), new HastyTime());
        signal.Raise();
        await signal.WaitAsync(Wait, time, Ct);
        Assert.Equal([101], time.Asked);
        await signal.WaitAsync(Wait, time, Ct);
        Assert.Equal([101, 101, 4], time.Asked);
    }

    /// <summary>A clock whose long timers come 4 ms early, as those that go by a coarse one may; each comes when it is made.</summary>
    private sealed class HastyTime : TimeProvider
    {
        private static readonly TimeSpan Early = TimeSpan.FromMilliseconds(4);

        public TimeSpan Elapsed { get; private set; }

        public List<int> Asked { get; } = [];

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Elapsed.Ticks;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            Asked.Add((int)dueTime.TotalMilliseconds);
            Elapsed += dueTime > 2 * Early ? dueTime - Early : dueTime;
            callback(state);
            return new Ended();
        }

        private sealed class Ended : ITimer
        {
            public bool Change(TimeSpan dueTime, TimeSpan period) => false;

            public void Dispose()
            {
            }

            public ValueTask DisposeAsync() => ValueTask.CompletedTask;
        }
    }
}
