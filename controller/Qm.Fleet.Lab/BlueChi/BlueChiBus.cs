using System.Collections.Immutable;
using Qm.Fleet.BlueChi.Bus;

namespace Qm.Fleet.Lab.BlueChi;

/// <summary>What one life of the emulated controller says on the bus. Signals leave in the order of the calls, replies included.</summary>
internal sealed class BlueChiBus(BusConnection connection)
{
    /// <summary>Sends a signal, to everybody or to one connection.</summary>
    public void Emit(string path, string interfaceName, string member, ImmutableArray<BusValue> body, string? destination = null)
    {
        try
        {
            connection.Emit(path, interfaceName, member, body, destination);
        }
        catch (BusConnectionException)
        {
            // This life is over: nobody can hear it any more.
        }
    }

    /// <summary>Tells the new value of a property.</summary>
    public void Changed(string path, string interfaceName, string property, BusValue value) =>
        Emit(path, "org.freedesktop.DBus.Properties", "PropertiesChanged", [interfaceName, BusValue.Properties([new(property, value)]), BusValue.Strings([])]);
}
