using System.Collections.Immutable;

namespace Qm.Fleet.Core.Access;

/// <summary>A named set of rules that identities are given.</summary>
/// <param name="Name">A lower-case DNS label.</param>
/// <param name="Rules">In no order: whoever is denied something by one of them is denied it.</param>
public sealed record AccessRole(string Name, ImmutableArray<AccessRule> Rules)
{
    /// <summary>Reads everything, changes nothing; secrets, tokens and the audit trail excepted.</summary>
    public static AccessRole Viewer { get; } = new("viewer", [Allow(ReadVerbs, FleetResources)]);

    /// <summary>What keeps a fleet running: rollouts, nodes, units of QM, diagnosis. Neither deletes nor changes who may do what, so it sees who asks to join, and lets nobody in.</summary>
    public static AccessRole Operator { get; } = new("operator",
    [
        Allow(ReadVerbs, FleetResources),
        Allow(["apply", "create", "update", "select", "label"], [AccessResource.Fleets, AccessResource.Nodes]),
        Allow(["pause", "resume", "abort", "undo", "retry"], [AccessResource.Rollouts]),
        Allow(["cordon", "uncordon", "quarantine", "release", "restart-qm"], [AccessResource.Nodes]),
        Allow(["start", "stop", "restart", "freeze", "thaw", "set-properties"], [AccessResource.Units]),
        Allow(["run-checks", "collect-bundle"], [AccessResource.Diagnostics]),
        Allow(["cancel"], [AccessResource.Operations]),
        Allow(["push"], [AccessResource.Artifacts]),
    ]);

    /// <summary>Everything but to speak for a node.</summary>
    public static AccessRole Admin { get; } = new("admin",
        [Allow(["*"], ["*"]), new(AccessEffect.Deny, ["*"], [AccessResource.Gateway], AccessScope.Everything)]);

    /// <summary>The agent extension of one node: its gateway and the archives it needs, and nothing people use.</summary>
    public static AccessRole Agent { get; } = new("agent", [Allow(["*"], [AccessResource.Gateway])]);

    /// <summary>Reads the metrics.</summary>
    public static AccessRole Scraper { get; } = new("scraper", [Allow(["get"], [AccessResource.Metrics])]);

    /// <summary>Those that are always there and cannot be changed.</summary>
    public static ImmutableArray<AccessRole> BuiltIn { get; } = [Viewer, Operator, Admin, Agent, Scraper];

    private static ImmutableArray<string> ReadVerbs => ["get", "list", "watch", "plan", "diff", "explain", "wait"];

    private static ImmutableArray<string> FleetResources =>
    [
        AccessResource.Fleets, AccessResource.Revisions, AccessResource.Rollouts, AccessResource.Nodes, AccessResource.Units, AccessResource.Operations, AccessResource.Events,
        AccessResource.Sites, AccessResource.Artifacts, AccessResource.Diagnostics, AccessResource.Server, AccessResource.Enrollments,
    ];

    private static AccessRule Allow(ImmutableArray<string> verbs, ImmutableArray<string> resources) => new(AccessEffect.Allow, verbs, resources, AccessScope.Everything);
}

/// <summary>What rules are about.</summary>
public static class AccessResource
{
    /// <summary>Fleets.</summary>
    public const string Fleets = "fleets";

    /// <summary>Revisions.</summary>
    public const string Revisions = "revisions";

    /// <summary>Rollouts.</summary>
    public const string Rollouts = "rollouts";

    /// <summary>Nodes.</summary>
    public const string Nodes = "nodes";

    /// <summary>Units on the QM side of nodes.</summary>
    public const string Units = "units";

    /// <summary>Units of hosts, outside QM, that an administrator listed; what is done to one needs the verb on units, too.</summary>
    public const string HostUnits = "host-units";

    /// <summary>Operations.</summary>
    public const string Operations = "operations";

    /// <summary>Events.</summary>
    public const string Events = "events";

    /// <summary>Sites.</summary>
    public const string Sites = "sites";

    /// <summary>Archives the controller keeps.</summary>
    public const string Artifacts = "artifacts";

    /// <summary>Checks, bundles, logs, effective configuration, usage.</summary>
    public const string Diagnostics = "diagnostics";

    /// <summary>The controller itself.</summary>
    public const string Server = "server";

    /// <summary>Roles, bindings and tokens.</summary>
    public const string Access = "access";

    /// <summary>Certificates.</summary>
    public const string Certificates = "certificates";

    /// <summary>Nodes that want to join, and the keys of those that did.</summary>
    public const string Enrollments = "enrollments";

    /// <summary>What lets nodes join without a person.</summary>
    public const string JoinTokens = "jointokens";

    /// <summary>The audit trail.</summary>
    public const string Audit = "audit";

    /// <summary>The agents' door.</summary>
    public const string Gateway = "gateway";

    /// <summary>Metrics.</summary>
    public const string Metrics = "metrics";

    /// <summary>All of them.</summary>
    public static ImmutableArray<string> All { get; } =
        [Fleets, Revisions, Rollouts, Nodes, Units, HostUnits, Operations, Events, Sites, Artifacts, Diagnostics, Server, Access, Certificates, Enrollments, JoinTokens, Audit, Gateway, Metrics];
}
