namespace Qm.Fleet.Lab.Nodes;

/// <summary>An error of systemd as BlueChi passes it on: a D-Bus error name and systemd's own text.</summary>
internal sealed class SystemdRefusal(string errorName, string message) : Exception(message)
{
    /// <summary>The D-Bus error name.</summary>
    public string ErrorName { get; } = errorName;

    public static SystemdRefusal UnitNotFound(string unit) => new("org.freedesktop.systemd1.NoSuchUnit", $"Unit {unit} not found.");

    public static SystemdRefusal UnitNotLoaded(string unit) => new("org.freedesktop.systemd1.NoSuchUnit", $"Unit {unit} not loaded.");

    public static SystemdRefusal InvalidArguments(string message) => new("org.freedesktop.DBus.Error.InvalidArgs", message);

    public static SystemdRefusal BadUnitName(string unit) =>
        InvalidArguments($"Unit name {unit} is neither a valid invocation ID nor unit name.");

    public static SystemdRefusal UnitFileMissing(string unit) => new("org.freedesktop.systemd1.NoSuchUnit", $"Unit file {unit} does not exist.");

    public static SystemdRefusal UnitExists(string message) => new("org.freedesktop.systemd1.UnitExists", message);

    public static SystemdRefusal OutOfRange(string property) => InvalidArguments($"Value specified in {property} is out of range");

    public static SystemdRefusal ReadOnly(string property) =>
        new("org.freedesktop.DBus.Error.PropertyReadOnly", $"Cannot set property {property}, or unknown property.");

    public static SystemdRefusal WrongType() => new("System.Error.ENXIO", "Failed to set unit properties: Unexpected message contents");

    public static SystemdRefusal UnknownProperty(string property) =>
        new("org.freedesktop.DBus.Error.UnknownProperty", $"Unknown property or interface {property}.");
}
