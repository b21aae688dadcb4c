namespace Qm.Fleet.Lab.BlueChi;

/// <summary>An error BlueChi itself answers with; errors of systemd pass through as <see cref="Nodes.SystemdRefusal"/>.</summary>
internal sealed class BlueChiError(string errorName, string message) : Exception(message)
{
    /// <summary>The D-Bus error name.</summary>
    public string ErrorName { get; } = errorName;

    public static BlueChiError Offline() => new("org.eclipse.bluechi.Offline", "Node is offline");

    public static BlueChiError NodeNotFound() => new("org.freedesktop.DBus.Error.ServiceUnknown", "Node not found");

    public static BlueChiError TimedOut() => new("org.freedesktop.DBus.Error.NoReply", "Method call timed out");

    public static BlueChiError ConnectionTerminated() => new("org.freedesktop.DBus.Error.NoReply", "Connection terminated");

    public static BlueChiError UnknownObject(string path) => new("org.freedesktop.DBus.Error.UnknownObject", $"Unknown object '{path}'.");

    public static BlueChiError UnknownMethod(string method) => new("org.freedesktop.DBus.Error.UnknownMethod", $"Unknown method {method} or interface.");

    public static BlueChiError UnknownProperty(string property) => new("org.freedesktop.DBus.Error.UnknownProperty", $"Unknown property or interface {property}.");

    public static BlueChiError InvalidArguments(string message) => new("org.freedesktop.DBus.Error.InvalidArgs", message);

    public static BlueChiError Inconsistent(string message) => new("org.freedesktop.DBus.Error.InconsistentMessage", message);

    public static BlueChiError Failed(string message) => new("org.freedesktop.DBus.Error.Failed", message);
}
