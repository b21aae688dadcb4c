using Qm.Fleet.BlueChi.Bus;
using Qm.Fleet.Lab.Agents;
using Qm.Fleet.Lab.BlueChi;
using Qm.Fleet.Lab.Nodes;

namespace Qm.Fleet.Lab.Peers;

/// <summary>What a peer agent tells of units, once the controller has subscribed to them.</summary>
internal sealed class PeerUnits : IDisposable
{
    private readonly AgentUnits _units;
    private readonly PeerSignal _emit;

    // Taken after a node's gate, never before.
    private readonly Lock _gate = new();

    public PeerUnits(EmulatedSystemd systemd, PeerSignal emit)
    {
        _emit = emit;
        lock (systemd.Node.Gate)
        {
            _units = new AgentUnits(systemd);
            systemd.Changed += OnChanged;
        }
    }

    public void Dispose() => _units.Systemd.Changed -= OnChanged;

    /// <summary>Begins to tell of a unit, with what is believed of it now.</summary>
    /// <exception cref="BlueChiError">It was subscribed before: a surviving agent does not repeat itself.</exception>
    public void Subscribe(string unit)
    {
        lock (_gate)
        {
            if (!_units.Subscribe(unit))
            {
                throw BlueChiError.Failed(unit == AgentUnits.All ? "Already wildcard subscribed" : "Already subscribed");
            }

            if (unit == AgentUnits.All)
            {
                _emit("UnitNew", unit, "virtual");
            }
            else if (_units.Believed(unit) is var (active, sub))
            {
                _emit("UnitNew", unit, "virtual");
                _emit("UnitStateChanged", unit, active, sub, "virtual");
            }
        }
    }

    /// <summary>Tells no more of a unit.</summary>
    /// <exception cref="BlueChiError">It was not subscribed.</exception>
    public void Unsubscribe(string unit)
    {
        lock (_gate)
        {
            if (!_units.Unsubscribe(unit))
            {
                throw BlueChiError.Failed(unit == AgentUnits.All ? "No wildcard subscription active" : "Not subscribed");
            }
        }
    }

    /// <summary>Tells the properties of subscribed units, one after the other and again, though nothing changed.</summary>
    public void Chatter(int signals)
    {
        // Units are read under their node's gate, which is never taken inside of this one.
        var units = _units.Systemd.Units;
        lock (_gate)
        {
            var told = units.Where(unit => _units.Tells(unit.Name)).Select(unit => (unit.Name, Properties: BusValue.Properties(unit.UnitProperties()))).ToArray();
            for (var sent = 0; sent < signals && told.Length > 0; sent++)
            {
                var (unit, properties) = told[sent % told.Length];
                _emit("UnitPropertiesChanged", unit, "org.freedesktop.systemd1.Unit", properties);
            }
        }
    }

    private void OnChanged(EmulatedUnit unit, UnitChange change)
    {
        lock (_gate)
        {
            var before = _units.Believed(unit.Name);
            _units.Note(unit, change);
            if (!_units.Tells(unit.Name))
            {
                return;
            }

            switch (change)
            {
                case UnitChange.New:
                    _emit("UnitNew", unit.Name, "real");
                    break;
                case UnitChange.Removed:
                    _emit("UnitRemoved", unit.Name);
                    break;
                default:
                    // systemd tells the properties of the unit's own type first, and the state is among the others.
                    TellProperties(unit, "org.freedesktop.systemd1.Service", unit.ServiceProperties());
                    if (before != (unit.ActiveState, unit.SubState))
                    {
                        _emit("UnitStateChanged", unit.Name, unit.ActiveState, unit.SubState, "real");
                    }

                    TellProperties(unit, "org.freedesktop.systemd1.Unit", unit.UnitProperties());
                    break;
            }
        }
    }

    private void TellProperties(EmulatedUnit unit, string interfaceName, IEnumerable<KeyValuePair<string, BusValue>> properties) =>
        _emit("UnitPropertiesChanged", unit.Name, interfaceName, BusValue.Properties(properties));
}
