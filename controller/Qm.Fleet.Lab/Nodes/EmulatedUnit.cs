using System.Security.Cryptography;
using Qm.Fleet.BlueChi.Bus;

namespace Qm.Fleet.Lab.Nodes;

/// <summary>One unit as systemd shows it. Changed only under its node's gate.</summary>
internal sealed class EmulatedUnit(string name, IUnitBody body)
{
    public string Name { get; } = name;

    /// <summary>What runs when the unit is active.</summary>
    public IUnitBody Body { get; } = body;

    /// <summary>What systemd read; null when no file defines the unit (any more).</summary>
    public LoadedUnit? Loaded { get; set; }

    /// <summary>What was set over D-Bus since, or the file's, or the name.</summary>
    public string Description => SetDescription ?? Loaded?.Description ?? Name;

    /// <summary>What was set over D-Bus since the file was read.</summary>
    public string? SetDescription { get; set; }

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

    /// <summary>The unit as it is now.</summary>
    public EmulatedUnit Copy() => (EmulatedUnit)MemberwiseClone();

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
    public IEnumerable<KeyValuePair<string, BusValue>> UnitProperties() =>
    [
        new("Id", Name),
        new("Names", BusValue.Strings([Name])),
        new("Description", Description),
        new("LoadState", Loaded is null ? "not-found" : "loaded"),
        new("ActiveState", ActiveState),
        new("SubState", SubState),
        new("FreezerState", FreezerState),
        new("FragmentPath", Loaded is null ? "" : "/" + Loaded.FragmentPath),
        new("SourcePath", Loaded is { SourcePath.Length: > 0 } ? "/" + Loaded.SourcePath : ""),
        new("DropInPaths", BusValue.Strings((Loaded?.DropInPaths ?? []).Select(path => "/" + path))),
        new("UnitFileState", Loaded?.UnitFileState ?? ""),
        // systemd watches unit files, not the quadlets they were generated from: a changed quadlet leaves this false.
        new("NeedDaemonReload", Loaded?.IsStale() ?? false),
        new("InvocationID", new BusValue.Bytes([.. Convert.FromHexString(InvocationId)])),
        new("Job", new BusValue.Struct([Operation?.JobId ?? 0, new BusValue.ObjectPath(Operation?.JobPath ?? "/")])),
        new("InactiveExitTimestampMonotonic", InactiveExitMicroseconds),
        new("ActiveEnterTimestampMonotonic", ActiveEnterMicroseconds),
    ];

    /// <summary>The properties of <c>org.freedesktop.systemd1.Service</c>.</summary>
    public IEnumerable<KeyValuePair<string, BusValue>> ServiceProperties() =>
    [
        new("Type", Loaded?.Setting("Service", "Type") ?? "simple"),
        new("RemainAfterExit", Loaded?.Setting("Service", "RemainAfterExit") is "yes" or "true"),
        new("Restart", Loaded?.Restart ?? "no"),
        new("Result", Result),
        new("NRestarts", Restarts),
        new("MainPID", (uint)MainPid),
        new("ExecMainStatus", ExecMainStatus),
        new("ExecMainStartTimestampMonotonic", InactiveExitMicroseconds),
        new("ControlGroup", IsDown ? "" : Body.Cgroup),
        new("Slice", Loaded?.Setting("Service", "Slice") ?? "system.slice"),
        new("OOMScoreAdjust", Loaded?.OomScoreAdjust ?? 0),
        .. Limits.Properties,
    ];
}
