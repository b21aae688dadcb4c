namespace Qm.Fleet.Simulation.Engine;

/// <summary>Runs everything on one thread, one continuation after the other; which of those that are ready comes next is drawn, or first come.</summary>
internal sealed class Pump(VirtualTime time, Randomness random, bool inOrder) : SynchronizationContext
{
    private readonly List<(SendOrPostCallback Callback, object? State)> _ready = [];
    private readonly int _thread = Environment.CurrentManagedThreadId;
    private int _first;

    /// <summary>How many continuations ran and timers struck.</summary>
    internal long Steps { get; private set; }

    public override void Post(SendOrPostCallback d, object? state)
    {
        Check();
        _ready.Add((d, state));
    }

    public override void Send(SendOrPostCallback d, object? state) => d(state);

    public override SynchronizationContext CreateCopy() => this;

    /// <summary>Fails when something got onto another thread, where nothing would be the same twice.</summary>
    internal void Check()
    {
        if (Environment.CurrentManagedThreadId != _thread)
        {
            throw new InvalidOperationException("something left the simulation's thread");
        }
    }

    /// <summary>Runs one continuation; when none is ready, time passes to the next timer. False when there is nothing at all.</summary>
    internal bool Next()
    {
        Steps++;
        if (_first == _ready.Count)
        {
            _ready.Clear();
            _first = 0;
            return time.Strike();
        }

        if (!inOrder)
        {
            var chosen = _first + random.Below(_ready.Count - _first);
            (_ready[_first], _ready[chosen]) = (_ready[chosen], _ready[_first]);
        }

        var (callback, state) = _ready[_first++];
        callback(state);
        return true;
    }
}
