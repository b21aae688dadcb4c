using Qm.Fleet.Lab.Nodes;

namespace Qm.Fleet.Lab.Agents;

/// <summary>
/// What a <c>bluechi-agent</c> process keeps of its systemd's units, as long as it lives: what it is subscribed to, and the states it believes, which a
/// daemon-reload resets to inactive. Not safe for use by several threads at once.
/// </summary>
internal class AgentUnits(EmulatedSystemd systemd)
{
    /// <summary>Stands for all units.</summary>
    public const string All = "*";

    private readonly Dictionary<string, (string Active, string Sub)> _states = systemd.Units.ToDictionary(unit => unit.Name, unit => (unit.ActiveState, unit.SubState));
    private readonly HashSet<string> _subscribed = [];

    /// <summary>The systemd it speaks for.</summary>
    public EmulatedSystemd Systemd { get; } = systemd;

    /// <summary>False when it was subscribed before: the agent refuses, and does not tell the state again.</summary>
    public bool Subscribe(string unit) => _subscribed.Add(unit);

    /// <summary>False when it was not subscribed.</summary>
    public bool Unsubscribe(string unit) => _subscribed.Remove(unit);

    /// <summary>Forgets every subscription but these.</summary>
    public void KeepOnly(IEnumerable<string> units) => _subscribed.IntersectWith(units);

    /// <summary>Whether the agent tells of a unit.</summary>
    public bool Tells(string unit) => _subscribed.Contains(unit) || _subscribed.Contains(All);

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
}
