using System.Collections.Frozen;
using Google.Protobuf;
using Qm.Fleet.Core.Access;

namespace Qm.Fleet.Controller.Security;

/// <summary>What a caller of each method needs: the one list. What is not on it is not offered to anybody.</summary>
internal static class AccessRules
{
    /// <summary>Full gRPC method name, such as <c>/qm.fleet.v1.FleetService/Apply</c>, to what it takes.</summary>
    public static FrozenDictionary<string, MethodRule> ByMethod { get; } = new[]
    {
        On<V1.CreateFleetRequest>("FleetService/Create", "create", AccessResource.Fleets, static asked => [Fleet(asked.Fleet)]),
        On<V1.ApplyFleetsRequest>("FleetService/Apply", "apply", AccessResource.Fleets, static asked => asked.Fleets.Select(Fleet)),
        On<V1.UpdateFleetRequest>("FleetService/Update", "update", AccessResource.Fleets, static asked => [Fleet(asked.Fleet)]),
        On<V1.PlanFleetsRequest>("FleetService/Plan", "plan", AccessResource.Fleets, static asked => [.. asked.Fleets.Select(Fleet), .. asked.Nodes.Select(Node)]),
        On<V1.GetFleetRequest>("FleetService/Get", "get", AccessResource.Fleets, static asked => [Fleet(asked.Name)]),
        OnWhatLiesInScope("FleetService/List", "list", AccessResource.Fleets),
        On<V1.DeleteFleetRequest>("FleetService/Delete", "delete", AccessResource.Fleets, static asked => [Fleet(asked.Name)]),
        OnWhatLiesInScope("FleetService/Watch", "watch", AccessResource.Fleets),

        On<V1.GetRevisionRequest>("RevisionService/Get", "get", AccessResource.Revisions, static asked => [Fleet(asked.Fleet)]),
        OnAllOr<V1.ListRevisionsRequest>("RevisionService/List", "list", AccessResource.Revisions, static asked => (asked.Fleet, "")),
        On<V1.DiffRevisionsRequest>("RevisionService/Diff", "diff", AccessResource.Revisions, static asked => [Fleet(asked.Fleet)]),

        On<V1.GetRolloutRequest>("RolloutService/Get", "get", AccessResource.Rollouts, static asked => [Fleet(asked.Fleet)]),
        OnAllOr<V1.ListRolloutsRequest>("RolloutService/List", "list", AccessResource.Rollouts, static asked => (asked.Fleet, "")),
        On<V1.PauseRolloutRequest>("RolloutService/Pause", "pause", AccessResource.Rollouts, static asked => [Fleet(asked.Fleet)]),
        On<V1.ResumeRolloutRequest>("RolloutService/Resume", "resume", AccessResource.Rollouts, static asked => [Fleet(asked.Fleet)]),
        On<V1.AbortRolloutRequest>("RolloutService/Abort", "abort", AccessResource.Rollouts, static asked => [Fleet(asked.Fleet)]),
        On<V1.UndoRolloutRequest>("RolloutService/Undo", "undo", AccessResource.Rollouts, static asked => [Fleet(asked.Fleet)]),
        On<V1.RetryRolloutRequest>("RolloutService/Retry", "retry", AccessResource.Rollouts, static asked => [Fleet(asked.Fleet)]),
        On<V1.ExplainRolloutRequest>("RolloutService/Explain", "explain", AccessResource.Rollouts, static asked => [Fleet(asked.Fleet)]),

        On<V1.CreateNodeRequest>("NodeService/Create", "create", AccessResource.Nodes, static asked => [Node(asked.Node)]),
        On<V1.ApplyNodesRequest>("NodeService/Apply", "apply", AccessResource.Nodes, static asked => asked.Nodes.Select(Node)),
        On<V1.UpdateNodeRequest>("NodeService/Update", "update", AccessResource.Nodes, static asked => [Node(asked.Node)]),
        On<V1.GetNodeRequest>("NodeService/Get", "get", AccessResource.Nodes, static asked => [Node(asked.Name)]),
        OnWhatLiesInScope("NodeService/List", "list", AccessResource.Nodes),
        On<V1.DeleteNodeRequest>("NodeService/Delete", "delete", AccessResource.Nodes, static asked => [Node(asked.Name)]),
        OnWhatLiesInScope("NodeService/Watch", "watch", AccessResource.Nodes),
        On<V1.CordonNodeRequest>("NodeService/Cordon", "cordon", AccessResource.Nodes, static asked => [Node(asked.Name)]),
        On<V1.UncordonNodeRequest>("NodeService/Uncordon", "uncordon", AccessResource.Nodes, static asked => [Node(asked.Name)]),
        On<V1.QuarantineNodeRequest>("NodeService/Quarantine", "quarantine", AccessResource.Nodes, static asked => [Node(asked.Name)]),
        On<V1.ReleaseNodeRequest>("NodeService/Release", "release", AccessResource.Nodes, static asked => [Node(asked.Name)]),
        On<V1.RetireNodeRequest>("NodeService/Retire", "retire", AccessResource.Nodes, static asked => [Node(asked.Name)]),
        On<V1.ReenrollNodeRequest>("NodeService/Reenroll", "reenroll", AccessResource.Nodes, static asked => [Node(asked.Name)]),
        On<V1.RestartQmRequest>("NodeService/RestartQm", "restart-qm", AccessResource.Nodes, static asked => [Node(asked.Name)]),
        On<V1.ListUnitsRequest>("NodeService/ListUnits", "list", AccessResource.Units, static asked => [Node(asked.Node)]),
        On<V1.StartUnitRequest>("NodeService/StartUnit", "start", AccessResource.Units, static asked => [Unit(asked.Node, asked.Unit)]),
        On<V1.StopUnitRequest>("NodeService/StopUnit", "stop", AccessResource.Units, static asked => [Unit(asked.Node, asked.Unit)]),
        On<V1.RestartUnitRequest>("NodeService/RestartUnit", "restart", AccessResource.Units, static asked => [Unit(asked.Node, asked.Unit)]),
        On<V1.FreezeUnitRequest>("NodeService/FreezeUnit", "freeze", AccessResource.Units, static asked => [Unit(asked.Node, asked.Unit)]),
        On<V1.ThawUnitRequest>("NodeService/ThawUnit", "thaw", AccessResource.Units, static asked => [Unit(asked.Node, asked.Unit)]),
        On<V1.SetUnitPropertiesRequest>("NodeService/SetUnitProperties", "set-properties", AccessResource.Units, static asked => [Unit(asked.Node, asked.Unit)]),

        OnAll("HostUnitService/List", "list", AccessResource.HostUnits),
        OnAll("HostUnitService/Allow", "allow", AccessResource.HostUnits),
        OnAll("HostUnitService/Remove", "remove", AccessResource.HostUnits),

        OnWhatLiesInScope("EventService/Get", "get", AccessResource.Events),
        OnAllOr<V1.ListEventsRequest>("EventService/List", "list", AccessResource.Events, static asked => (asked.Fleet, asked.Node)),
        OnAllOr<V1.WatchEventsRequest>("EventService/Watch", "watch", AccessResource.Events, static asked => (asked.Fleet, asked.Node)),

        On<V1.GetChecksRequest>("DiagnosticsService/GetChecks", "get", AccessResource.Diagnostics, static asked => [Node(asked.Node)]),
        On<V1.RunChecksRequest>("DiagnosticsService/RunChecks", "run-checks", AccessResource.Diagnostics, static asked => [Node(asked.Node)]),
        On<V1.CollectBundleRequest>("DiagnosticsService/CollectBundle", "collect-bundle", AccessResource.Diagnostics, static asked => [Node(asked.Node)]),
        On<V1.GetEffectiveRequest>("DiagnosticsService/GetEffective", "get", AccessResource.Diagnostics, static asked => [Node(asked.Node)]),
        On<V1.GetUsageRequest>("DiagnosticsService/GetUsage", "get", AccessResource.Diagnostics, static asked => [Unit(asked.Node, asked.Unit)]),
        OnAllOr<V1.WatchTopRequest>("DiagnosticsService/WatchTop", "watch", AccessResource.Diagnostics, static asked => (asked.Fleet, asked.Node)),
        On<V1.GetLogsRequest>("DiagnosticsService/GetLogs", "get", AccessResource.Diagnostics, static asked => [Unit(asked.Node, asked.Unit)]),

        OnWhatLiesInScope("OperationService/Get", "get", AccessResource.Operations),
        OnWhatLiesInScope("OperationService/List", "list", AccessResource.Operations),
        OnWhatLiesInScope("OperationService/Wait", "wait", AccessResource.Operations),
        OnWhatLiesInScope("OperationService/Cancel", "cancel", AccessResource.Operations),

        On<V1.GetSiteRequest>("SiteService/Get", "get", AccessResource.Sites, static asked => [new AccessTarget(Site: asked.Name)]),
        OnAll("SiteService/List", "list", AccessResource.Sites),

        OnAll("ServerService/GetVersion", "get", AccessResource.Server),
        OnAll("ServerService/GetHealth", "get", AccessResource.Server),
        OnAll("ServerService/GetConfiguration", "get", AccessResource.Server),

        OnAll("ArtifactService/GetUpload", "push", AccessResource.Artifacts),
        OnAll("ArtifactService/Push", "push", AccessResource.Artifacts),
        OnAll("ArtifactService/List", "list", AccessResource.Artifacts),
        OnAll("ArtifactService/Delete", "delete", AccessResource.Artifacts),

        Anybody("AccessService/WhoAmI"),
        Anybody("AccessService/CanI"),
        OnAll("AccessService/ListRoles", "list", AccessResource.Access),
        OnAll("AccessService/ApplyRole", "apply", AccessResource.Access),
        OnAll("AccessService/DeleteRole", "delete", AccessResource.Access),
        OnAll("AccessService/ListBindings", "list", AccessResource.Access),
        OnAll("AccessService/ApplyBinding", "apply", AccessResource.Access),
        OnAll("AccessService/DeleteBinding", "delete", AccessResource.Access),
        OnAll("AccessService/ListTokens", "list", AccessResource.Access),
        OnAll("AccessService/CreateToken", "create", AccessResource.Access),
        OnAll("AccessService/RevokeToken", "delete", AccessResource.Access),

        OnAll("PkiService/GetPki", "get", AccessResource.Certificates),
        OnAll("PkiService/ExportAuthorities", "export", AccessResource.Certificates),
        OnAll("PkiService/RotateAuthority", "rotate", AccessResource.Certificates),
        OnAll("PkiService/ImportAuthority", "import", AccessResource.Certificates),
        OnAll("PkiService/FinishRotation", "rotate", AccessResource.Certificates),
        OnAll("PkiService/RotateCertificate", "rotate", AccessResource.Certificates),
        OnAll("PkiService/Issue", "issue", AccessResource.Certificates),
        OnAll("PkiService/Revoke", "revoke", AccessResource.Certificates),
        OnAll("PkiService/ListRevocations", "list", AccessResource.Certificates),

        OnAll("AuditService/Verify", "verify", AccessResource.Audit),
        OnAll("AuditService/Export", "export", AccessResource.Audit),

        Everybody("EnrollmentService/RequestEnrollment"),
        On<V1.GetEnrollmentRequest>("EnrollmentService/GetEnrollment", "get", AccessResource.Enrollments, static asked => [Node(asked.Node)]),
        OnWhatLiesInScope("EnrollmentService/ListEnrollments", "list", AccessResource.Enrollments),
        On<V1.ApproveEnrollmentRequest>("EnrollmentService/ApproveEnrollment", "approve", AccessResource.Enrollments, static asked => [Node(asked.Node)]),
        On<V1.DenyEnrollmentRequest>("EnrollmentService/DenyEnrollment", "deny", AccessResource.Enrollments, static asked => [Node(asked.Node)]),
        OnAll("EnrollmentService/RenewCertificate", "renew", AccessResource.Gateway),
        OnAll("EnrollmentService/ListJoinTokens", "list", AccessResource.JoinTokens),
        OnAll("EnrollmentService/CreateJoinToken", "create", AccessResource.JoinTokens),
        OnAll("EnrollmentService/RevokeJoinToken", "delete", AccessResource.JoinTokens),

        OnAll("NodeGateway/Connect", "connect", AccessResource.Gateway),
        new MethodRule("/grpc.health.v1.Health/Check", "get", AccessResource.Server, null),
        new MethodRule("/grpc.health.v1.Health/Watch", "watch", AccessResource.Server, null),
        new MethodRule("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", "get", AccessResource.Server, null),
        new MethodRule("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", "get", AccessResource.Server, null),
    }.ToFrozenDictionary(static rule => rule.Method, StringComparer.Ordinal);

    /// <summary>A method that names what it is about.</summary>
    private static MethodRule On<T>(string method, string verb, string resource, Func<T, IEnumerable<AccessTarget>> targets)
        where T : class, IMessage => new($"/qm.fleet.v1.{method}", verb, resource, request => targets((T)request));

    /// <summary>A method that is about one fleet or node, or, where it names none, about all that lies in the caller's scope.</summary>
    private static MethodRule OnAllOr<T>(string method, string verb, string resource, Func<T, (string Fleet, string Node)> named)
        where T : class, IMessage => new(
            $"/qm.fleet.v1.{method}", verb, resource,
            request => named((T)request) is var (fleet, node) && (fleet.Length > 0 || node.Length > 0) ? [new AccessTarget(Fleet: fleet, Node: node)] : null)
        { IsWithinScope = true };

    /// <summary>A method that names nothing that rules are about, and judges each thing it finds.</summary>
    private static MethodRule OnWhatLiesInScope(string method, string verb, string resource) => new($"/qm.fleet.v1.{method}", verb, resource, null) { IsWithinScope = true };

    /// <summary>A method that names nothing, and is answered whole or not at all.</summary>
    private static MethodRule OnAll(string method, string verb, string resource) => new($"/qm.fleet.v1.{method}", verb, resource, null);

    /// <summary>A method that tells callers about themselves only.</summary>
    private static MethodRule Anybody(string method) => new($"/qm.fleet.v1.{method}", "", "", null);

    /// <summary>A method for those, too, whom nobody knows yet: who asks to join has no identity. It tells them about themselves only.</summary>
    private static MethodRule Everybody(string method) => Anybody(method) with { IsForNobody = true };

    private static AccessTarget Fleet(string name) => new(Fleet: name);

    private static AccessTarget Fleet(V1.Fleet? fleet) => new(Fleet: fleet?.Metadata?.Name ?? "", Labels: fleet?.Metadata?.Labels.ToDictionary());

    private static AccessTarget Node(string name) => new(Node: name);

    private static AccessTarget Node(V1.Node? node) => new(Site: node?.Spec?.Site ?? "", Node: node?.Metadata?.Name ?? "", Labels: node?.Metadata?.Labels.ToDictionary());

    private static AccessTarget Unit(string node, string unit) => new(Node: node, Unit: unit);
}

/// <summary>What a caller of one method needs.</summary>
/// <param name="Method">Its full name, such as <c>/qm.fleet.v1.FleetService/Apply</c>.</param>
/// <param name="Verb">What it does; empty when it tells callers about themselves only.</param>
/// <param name="Resource">Of <see cref="AccessResource"/>.</param>
/// <param name="Targets">What a request is about; null, or an answer of null, when it is about everything, or names nothing.</param>
internal sealed record MethodRule(string Method, string Verb, string Resource, Func<IMessage, IEnumerable<AccessTarget>?>? Targets)
{
    /// <summary>Whether it answers what lies in the caller's scope, by its <see cref="AccessView"/>, where the request names nothing.</summary>
    public bool IsWithinScope { get; init; }

    /// <summary>Whether also those may call it whom nobody knows.</summary>
    public bool IsForNobody { get; init; }

    /// <summary>Whether anybody who is known may call it.</summary>
    public bool IsForAnybody => Verb.Length == 0;
}

/// <summary>What a caller of an endpoint that is not gRPC needs; attached to the endpoint.</summary>
internal sealed record EndpointRule(string Verb, string Resource);
