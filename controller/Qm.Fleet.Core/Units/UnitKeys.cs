using System.Collections.Frozen;

namespace Qm.Fleet.Core.Units;

/// <summary>What becomes of a key that is assigned more than once.</summary>
public enum UnitKeyKind
{
    /// <summary>The last assignment counts; an empty one is the default again.</summary>
    OneValue,

    /// <summary>All count; an empty one resets what stands before it.</summary>
    List,

    /// <summary>All count, and nothing takes one back: dependencies.</summary>
    Dependency,
}

/// <summary>Which keys of units and quadlets take lists.</summary>
/// <remarks>systemd.directives(7) of 257; the keys of [Container] as the generator of Podman 5.4 was seen to take them. A key that is not known takes one value.</remarks>
public static class UnitKeys
{
    private static readonly FrozenSet<string> Dependencies = FrozenSet.ToFrozenSet(
    [
        "After", "Before", "BindsTo", "Conflicts", "JoinsNamespaceOf", "OnFailure", "OnSuccess", "PartOf", "PropagatesReloadTo", "PropagatesStopTo",
        "ReloadPropagatedFrom", "Requires", "RequiresMountsFor", "Requisite", "StopPropagatedFrom", "Upholds", "Wants", "WantsMountsFor",
    ]);

    private static readonly FrozenSet<string> Install = FrozenSet.ToFrozenSet(["Alias", "Also", "RequiredBy", "UpheldBy", "WantedBy"]);

    private static readonly FrozenSet<string> Service = FrozenSet.ToFrozenSet(
    [
        "AllowedCPUs", "AllowedMemoryNodes", "AmbientCapabilities", "BPFProgram", "BindPaths", "BindReadOnlyPaths", "CPUAffinity",
        "CacheDirectory", "CapabilityBoundingSet", "ConfigurationDirectory", "Delegate", "DeviceAllow", "DisableControllers", "Environment",
        "EnvironmentFile", "ExecCondition", "ExecPaths", "ExecReload", "ExecReloadPost", "ExecSearchPath", "ExecStart", "ExecStartPost", "ExecStartPre",
        "ExecStop", "ExecStopPost", "ExtensionDirectories", "ExtensionImages", "IODeviceLatencyTargetSec", "IODeviceWeight", "IOReadBandwidthMax",
        "IOReadIOPSMax", "IOWriteBandwidthMax", "IOWriteIOPSMax", "IPAddressAllow", "IPAddressDeny", "IPEgressFilterPath", "IPIngressFilterPath",
        "ImportCredential", "InaccessiblePaths", "LoadCredential", "LoadCredentialEncrypted", "LogExtraFields", "LogFilterPatterns",
        "LogsDirectory", "MountImages", "NFTSet", "NUMAMask", "NoExecPaths", "OpenFile", "PassEnvironment", "ReadOnlyPaths", "ReadWritePaths",
        "RestartForceExitStatus", "RestartPreventExitStatus", "RestrictAddressFamilies", "RestrictFileSystems", "RestrictNetworkInterfaces",
        "RootImageOptions", "RuntimeDirectory", "SetCredential", "SetCredentialEncrypted", "SocketBindAllow", "SocketBindDeny", "Sockets",
        "StandardInputData", "StandardInputText", "StartupAllowedCPUs", "StartupAllowedMemoryNodes", "StateDirectory", "SuccessExitStatus",
        "SupplementaryGroups", "SystemCallArchitectures", "SystemCallFilter", "SystemCallLog", "TemporaryFileSystem", "UnsetEnvironment",
    ]);

    private static readonly FrozenSet<string> Container = FrozenSet.ToFrozenSet(
    [
        "AddCapability", "AddDevice", "AddHost", "Annotation", "ContainersConfModule", "DNS", "DNSOption", "DNSSearch", "DropCapability", "Environment",
        "EnvironmentFile", "ExposeHostPort", "GIDMap", "GlobalArgs", "GroupAdd", "Label", "LogOpt", "Mask", "Mount", "Network", "NetworkAlias",
        "PodmanArgs", "PublishPort", "Secret", "Sysctl", "Tmpfs", "UIDMap", "Ulimit", "Unmask", "Volume",
    ]);

    /// <summary>What becomes of a key that is assigned more than once.</summary>
    public static UnitKeyKind KindOf(string section, string key) => section switch
    {
        "Unit" when Dependencies.Contains(key) => UnitKeyKind.Dependency,
        "Unit" when key == "Documentation" || IsTest(key) => UnitKeyKind.List,
        "Install" when Install.Contains(key) => UnitKeyKind.List,
        "Service" when Service.Contains(key) => UnitKeyKind.List,
        "Container" when Container.Contains(key) => UnitKeyKind.List,
        _ => UnitKeyKind.OneValue,
    };

    private static bool IsTest(string key) => key.StartsWith("Condition", StringComparison.Ordinal) || key.StartsWith("Assert", StringComparison.Ordinal);
}
