using Qm.Fleet.Lab.Nodes;

namespace Qm.Fleet.Lab.BlueChi;

/// <summary>
/// One life of a <c>bluechi-agent</c> process. It outlives connections to the controller, and with it live its subscriptions and its cache of unit
/// states, which a daemon-reload resets to inactive. Used under the emulated controller's gate.
/// </summary>
internal sealed class AgentSession(string node, EmulatedSystemd systemd)
{
    private readonly Dictionary<string, (string Active, string Sub)> _states = systemd.Units.ToDictionary(unit => unit.Name, unit => (unit.ActiveState, unit.SubState));
    private readonly HashSet<string> _subscribed = [];
    private readonly Queue<Action> _unsent = new();
    private TaskCompletionSource? _held;

    /// <summary>The name it registered.</summary>
    public string Node { get; } = node;

    /// <summary>The systemd it speaks for.</summary>
    public EmulatedSystemd Systemd { get; } = systemd;

    /// <summary>Whether the process is gone.</summary>
    public bool Ended { get; private set; }

    /// <summary>Whether the process is stopped.</summary>
    public bool IsFrozen { get; private set; }

    /// <summary>Whether the link carries nothing, and nobody has noticed.</summary>
    public bool IsStalled { get; private set; }

    /// <summary>Whether neither calls nor messages get through.</summary>
    public bool IsHeld => _held is not null;

    /// <summary>Ends when calls get through again; complete while they do.</summary>
    public Task Running => _held?.Task ?? Task.CompletedTask;

    /// <summary>Stops the process (SIGSTOP), or lets it go on (SIGCONT).</summary>
    public void SetFrozen(bool frozen)
    {
        IsFrozen = frozen;
        HoldOrRelease();
    }

    /// <summary>Cuts the link with data in flight, or makes it whole.</summary>
    public void SetStalled(bool stalled)
    {
        IsStalled = stalled;
        HoldOrRelease();
    }

    /// <summary>The process is gone. What it had not said when it was frozen is never said; what is on the link still arrives.</summary>
    public void End()
    {
        Ended = true;
        if (IsFrozen)
        {
            _unsent.Clear();
        }

        SetFrozen(false);
    }

    /// <summary>Says something to the controller now, or once the process goes on and the link is whole.</summary>
    public void Send(Action message)
    {
        if (IsHeld)
        {
            _unsent.Enqueue(message);
        }
        else
        {
            message();
        }
    }

    /// <summary>False when it was subscribed before: the agent refuses, and does not tell the state again.</summary>
    public bool Subscribe(string unit) => _subscribed.Add(unit);

    /// <summary>Forgets every subscription but these.</summary>
    public void KeepOnly(IEnumerable<string> units) => _subscribed.IntersectWith(units);

    /// <summary>Whether the agent tells of a unit.</summary>
    public bool Tells(string unit) => _subscribed.Contains(unit) || _subscribed.Contains("*");

    /// <summary>The state the agent believes, or null for a unit that is not loaded.</summary>
    public (string Active, string Sub)? Believed(string unit) => _states.TryGetValue(unit, out var state) ? state : null;

    /// <summary>Takes note of a real change.</summary>
    public void Note(EmulatedUnit unit, UnitChange change)
    {
        switch (change)
        {
            case UnitChange.State:
                _states[unit.Name] = (unit.ActiveState, unit.SubState);
                break;
            case UnitChange.New:
                _states[unit.Name] = ("inactive", "dead");
                break;
            case UnitChange.Removed:
                _states.Remove(unit.Name);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(change), change, null);
        }
    }

    private void HoldOrRelease()
    {
        if (IsFrozen || IsStalled)
        {
            _held ??= new(TaskCreationOptions.RunContinuationsAsynchronously);
            return;
        }

        while (_unsent.TryDequeue(out var message))
        {
            message();
        }

        _held?.TrySetResult();
        _held = null;
    }
}
