using System.Collections.Frozen;
using System.Collections.Immutable;
using Qm.Fleet.BlueChi.Bus;

namespace Qm.Fleet.BlueChi.Monitors;

/// <summary>Reads signals of monitors; those of another shape than BlueChi's own XML files say are none.</summary>
internal static class MonitorSignals
{
    internal static MonitorSignal? Read(string member, ImmutableArray<BusValue> body) => (member, body) switch
    {
        // UnitNew and UnitRemoved carry a reason that live introspection does not tell of.
        ("UnitNew", [BusValue.Text node, BusValue.Text unit, BusValue.Text reason]) => new UnitNew(node.Value, unit.Value, IsVirtual(reason)),
        ("UnitRemoved", [BusValue.Text node, BusValue.Text unit, BusValue.Text reason]) => new UnitRemoved(node.Value, unit.Value, IsVirtual(reason)),
        ("UnitStateChanged", [BusValue.Text node, BusValue.Text unit, BusValue.Text active, BusValue.Text sub, BusValue.Text reason]) =>
            new UnitStateChanged(node.Value, unit.Value, active.Value, sub.Value, IsVirtual(reason)),
        ("UnitPropertiesChanged", [BusValue.Text node, BusValue.Text unit, BusValue.Text systemdInterface, BusValue.Dictionary properties]) =>
            new UnitPropertiesChanged(node.Value, unit.Value, systemdInterface.Value, PropertyValue.ReadAll(properties)),
        // As much of it as was asked for, when only who floods is of interest.
        ("UnitPropertiesChanged", [BusValue.Text node, BusValue.Text unit]) => new UnitPropertiesChanged(node.Value, unit.Value, "", FrozenDictionary<string, PropertyValue>.Empty),
        ("PeerRemoved", [BusValue.Text reason]) => new PeerRemoved(reason.Value),
        _ => null,
    };

    private static bool IsVirtual(BusValue.Text reason) => reason.Value == "virtual";
}
