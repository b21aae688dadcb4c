using System.Collections.Frozen;

namespace Qm.Fleet.Controller.Security;

/// <summary>Who may call what: the one list. What is not on it is not offered to anybody.</summary>
internal static class AccessRules
{
    /// <summary>Full gRPC method name, such as <c>/qm.fleet.v1.FleetService/Apply</c>, to the role it takes.</summary>
    public static FrozenDictionary<string, Role> ByMethod { get; } = Rules(
        ("qm.fleet.v1.FleetService", Role.Admin, ["Apply", "Plan", "Get", "List", "Delete", "Watch", "ListRevisions", "DiffRevisions"]),
        ("qm.fleet.v1.RolloutService", Role.Admin, ["Pause", "Resume", "Abort", "Undo", "Retry", "Explain"]),
        ("qm.fleet.v1.NodeService", Role.Admin, ["Apply", "Get", "List", "Delete", "Watch", "Quarantine", "Release"]),
        ("qm.fleet.v1.EventService", Role.Admin, ["Get", "List", "Watch"]),
        ("qm.fleet.v1.DiagnosticsService", Role.Admin, ["GetChecks", "RunChecks", "CollectBundle", "GetEffective", "GetUsage", "WatchTop"]),
        ("qm.fleet.v1.ArtifactService", Role.Admin, ["GetUpload", "Push", "List", "Delete"]),
        ("qm.fleet.v1.NodeGateway", Role.Node, ["Connect"]),
        ("grpc.health.v1.Health", Role.Admin, ["Check", "Watch"]));

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
