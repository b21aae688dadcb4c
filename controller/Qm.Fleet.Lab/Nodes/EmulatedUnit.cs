using System.Security.Cryptography;

namespace Qm.Fleet.Lab.Nodes;

/// <summary>One unit as systemd shows it. Changed only under its node's gate.</summary>
internal sealed class EmulatedUnit(string name, IUnitBody body)
{
    public string Name { get; } = name;

    /// <summary>What runs when the unit is active.</summary>
    public IUnitBody Body { get; } = body;

    /// <summary>What systemd read; null when no file defines the unit (any more).</summary>
    public LoadedUnit? Loaded { get; set; }

    public string ActiveState { get; private set; } = "inactive";

    public string SubState { get; private set; } = "dead";

    public string Result { get; set; } = "success";

    public string FreezerState { get; set; } = "running";

    public uint Restarts { get; set; }

    public int MainPid { get; set; }

    public int ExecMainStatus { get; set; }

    public string InvocationId { get; private set; } = "";

    /// <summary>Limits in force in systemd's eyes: the loaded ones and what was set over D-Bus since.</summary>
    public ResourceControl Limits { get; set; } = ResourceControl.Default;

    public ulong InactiveExitMicroseconds { get; private set; }

    public ulong ActiveEnterMicroseconds { get; private set; }

    /// <summary>The operation under way, or the last one.</summary>
    public UnitOperation? Operation { get; set; }

    public bool IsActive => ActiveState == "active";

    public bool IsDown => ActiveState is "inactive" or "failed";

    /// <summary>Takes up a state, keeping systemd's timestamps (CLOCK_MONOTONIC in microseconds).</summary>
    public void Enter(string activeState, string subState, ulong nowMicroseconds)
    {
        if (IsDown && activeState == "activating")
        {
            InactiveExitMicroseconds = nowMicroseconds;
            InvocationId = RandomNumberGenerator.GetHexString(32, lowercase: true);
            Result = "success";
        }

        if (!IsActive && activeState == "active")
        {
            ActiveEnterMicroseconds = nowMicroseconds;
        }

        (ActiveState, SubState) = (activeState, subState);
    }

    /// <summary>The properties of <c>org.freedesktop.systemd1.Unit</c>.</summary>
    public IEnumerable<KeyValuePair<string, DBusValue>> UnitProperties() =>
    [
        new("Id", DBusValue.Text(Name)),
        new("Names", DBusValue.Strings(Name)),
        new("Description", DBusValue.Text(Loaded?.Description ?? Name)),
        new("LoadState", DBusValue.Text(Loaded is null ? "not-found" : "loaded")),
        new("ActiveState", DBusValue.Text(ActiveState)),
        new("SubState", DBusValue.Text(SubState)),
        new("FreezerState", DBusValue.Text(FreezerState)),
        new("FragmentPath", DBusValue.Text(Loaded is null ? "" : "/" + Loaded.FragmentPath)),
        new("SourcePath", DBusValue.Text(Loaded is { SourcePath.Length: > 0 } ? "/" + Loaded.SourcePath : "")),
        new("DropInPaths", DBusValue.Strings([.. (Loaded?.DropInPaths ?? []).Select(path => "/" + path)])),
        new("UnitFileState", DBusValue.Text(Loaded?.UnitFileState ?? "")),
        // systemd watches unit files, not the quadlets they were generated from: a changed quadlet leaves this false.
        new("NeedDaemonReload", DBusValue.Flag(false)),
        new("InvocationID", DBusValue.Bytes(Convert.FromHexString(InvocationId))),
        new("InactiveExitTimestampMonotonic", DBusValue.Unsigned(InactiveExitMicroseconds)),
        new("ActiveEnterTimestampMonotonic", DBusValue.Unsigned(ActiveEnterMicroseconds)),
    ];

    /// <summary>The properties of <c>org.freedesktop.systemd1.Service</c>.</summary>
    public IEnumerable<KeyValuePair<string, DBusValue>> ServiceProperties() =>
    [
        new("Type", DBusValue.Text(Loaded?.Setting("Service", "Type") ?? "simple")),
        new("Restart", DBusValue.Text(Loaded?.Restart ?? "no")),
        new("Result", DBusValue.Text(Result)),
        new("NRestarts", DBusValue.Unsigned32(Restarts)),
        new("MainPID", DBusValue.Unsigned32((uint)MainPid)),
        new("ExecMainStatus", DBusValue.Signed32(ExecMainStatus)),
        new("ExecMainStartTimestampMonotonic", DBusValue.Unsigned(InactiveExitMicroseconds)),
        new("ControlGroup", DBusValue.Text(IsDown ? "" : Body.Cgroup)),
        new("Slice", DBusValue.Text(Loaded?.Setting("Service", "Slice") ?? "system.slice")),
        new("OOMScoreAdjust", DBusValue.Signed32(Loaded?.OomScoreAdjust ?? 0)),
        .. Limits.Properties,
    ];
}
