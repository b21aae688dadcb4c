using System.Collections.Frozen;

namespace Qm.Fleet.Controller.Security;

/// <summary>Who may call what: the one list. What is not on it is not offered to anybody.</summary>
internal static class AccessRules
{
    /// <summary>Full gRPC method name, such as <c>/qm.fleet.v1.FleetService/Apply</c>, to the role it takes.</summary>
    public static FrozenDictionary<string, Role> ByMethod { get; } = Rules(
        ("qm.fleet.v1.FleetService", Role.Admin, ["Create", "Apply", "Update", "Plan", "Get", "List", "Delete", "Watch"]),
        ("qm.fleet.v1.RevisionService", Role.Admin, ["Get", "List", "Diff"]),
        ("qm.fleet.v1.RolloutService", Role.Admin, ["Get", "List", "Pause", "Resume", "Abort", "Undo", "Retry", "Explain"]),
        ("qm.fleet.v1.NodeService", Role.Admin,
            ["Create", "Apply", "Update", "Get", "List", "Delete", "Watch", "Cordon", "Uncordon", "Quarantine", "Release", "RestartQm", "ListUnits", "StartUnit", "StopUnit", "RestartUnit", "FreezeUnit", "ThawUnit", "SetUnitProperties"]),
        ("qm.fleet.v1.EventService", Role.Admin, ["Get", "List", "Watch"]),
        ("qm.fleet.v1.DiagnosticsService", Role.Admin, ["GetChecks", "RunChecks", "CollectBundle", "GetEffective", "GetLogs", "GetUsage", "WatchTop"]),
        ("qm.fleet.v1.OperationService", Role.Admin, ["Get", "List", "Wait", "Cancel"]),
        ("qm.fleet.v1.SiteService", Role.Admin, ["Get", "List"]),
        ("qm.fleet.v1.ServerService", Role.Admin, ["GetVersion", "GetHealth", "GetConfiguration"]),
        ("qm.fleet.v1.ArtifactService", Role.Admin, ["GetUpload", "Push", "List", "Delete"]),
        ("qm.fleet.v1.NodeGateway", Role.Node, ["Connect"]),
        ("grpc.health.v1.Health", Role.Admin, ["Check", "Watch"]),
        ("grpc.reflection.v1.ServerReflection", Role.Admin, ["ServerReflectionInfo"]),
        ("grpc.reflection.v1alpha.ServerReflection", Role.Admin, ["ServerReflectionInfo"]));

    private static FrozenDictionary<string, Role> Rules(params ReadOnlySpan<(string Service, Role Role, string[] Methods)> services)
    {
        var rules = new Dictionary<string, Role>(StringComparer.Ordinal);
        foreach (var (service, role, methods) in services)
        {
            foreach (var method in methods)
            {
                rules.Add($"/{service}/{method}", role);
            }
        }
        return rules.ToFrozenDictionary(StringComparer.Ordinal);
    }
}

/// <summary>The role an endpoint that is not gRPC takes; attached to the endpoint.</summary>
internal sealed record AccessRule(Role Role);
