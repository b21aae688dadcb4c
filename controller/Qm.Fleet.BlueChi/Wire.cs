namespace Qm.Fleet.BlueChi;

/// <summary>Names on the wire (BlueChi's D-Bus interfaces).</summary>
internal static class Wire
{
    internal const string Name = "org.eclipse.bluechi";
    internal const string Root = "/org/eclipse/bluechi";
    internal const string Controller = Name + ".Controller";
    internal const string Node = Name + ".Node";
    internal const string Job = Name + ".Job";
    internal const string Monitor = Name + ".Monitor";
    internal const string Properties = "org.freedesktop.DBus.Properties";
    internal const string Daemon = "org.freedesktop.DBus";
    internal const string SystemdUnit = "org.freedesktop.systemd1.Unit";

    internal static NodeStatus ToStatus(string word) => word switch
    {
        "online" => NodeStatus.Online,
        "offline" => NodeStatus.Offline,
        _ => NodeStatus.Unknown,
    };
}
