using System.Globalization;
using Qm.Fleet.BlueChi.Jobs;

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
    internal const string Metrics = Name + ".Metrics";
    internal const string Properties = "org.freedesktop.DBus.Properties";
    internal const string Daemon = "org.freedesktop.DBus";
    internal const string SystemdUnit = "org.freedesktop.systemd1.Unit";

    internal static NodeStatus ToStatus(string word) => word switch
    {
        "online" => NodeStatus.Online,
        "offline" => NodeStatus.Offline,
        _ => NodeStatus.Unknown,
    };

    internal static SystemStatus ToSystemStatus(string word) => word switch
    {
        "up" => SystemStatus.Up,
        "degraded" => SystemStatus.Degraded,
        "down" => SystemStatus.Down,
        _ => SystemStatus.Unknown,
    };

    internal static BlueChiLogLevel ToLogLevel(string word) => word switch
    {
        "DEBUG" => BlueChiLogLevel.Debug,
        "INFO" => BlueChiLogLevel.Info,
        "WARN" => BlueChiLogLevel.Warn,
        "ERROR" => BlueChiLogLevel.Error,
        _ => BlueChiLogLevel.Unknown,
    };

    internal static string ToWord(BlueChiLogLevel level) => level.ToString().ToUpperInvariant();

    internal static JobState ToJobState(string word) => word switch
    {
        "running" => JobState.Running,
        _ => JobState.Waiting,
    };

    internal static string ToWord(JobMode mode) => mode switch
    {
        JobMode.Replace => "replace",
        JobMode.Fail => "fail",
        JobMode.Isolate => "isolate",
        JobMode.IgnoreDependencies => "ignore-dependencies",
        JobMode.IgnoreRequirements => "ignore-requirements",
        _ => throw new ArgumentOutOfRangeException(nameof(mode), mode, "no job mode"),
    };

    /// <summary>The number at the end of the path of a job or monitor; 0 when there is none.</summary>
    internal static uint NumberOf(string path) =>
        uint.TryParse(path.AsSpan(path.LastIndexOf('/') + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;
}
