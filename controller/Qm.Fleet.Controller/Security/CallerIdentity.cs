namespace Qm.Fleet.Controller.Security;

/// <summary>What a caller may do.</summary>
internal enum Role
{
    /// <summary>Everything but the agents' gateway.</summary>
    Admin = 1,

    /// <summary>The agents' gateway, as the one node of its certificate.</summary>
    Node = 2,

    /// <summary>Reading the metrics.</summary>
    Scraper = 3,
}

/// <summary>Who is at the other end of a connection. Set once for each connection, before its first request.</summary>
/// <param name="Role">What it may do.</param>
/// <param name="Name">Within its role; for a node, BlueChi's node name.</param>
/// <param name="Actor">How the audit trail names it.</param>
internal sealed record CallerIdentity(Role Role, string Name, string Actor)
{
    /// <summary>The administrator whose certificate the controller makes itself.</summary>
    public const string LocalAdmin = "local-admin";

    /// <summary>An administrator with a certificate.</summary>
    public static CallerIdentity Admin(string name) => new(Role.Admin, name, $"admin:{name}");

    /// <summary>A node's agent extension.</summary>
    public static CallerIdentity Node(string name) => new(Role.Node, name, $"node:{name}");

    /// <summary>A process of this machine on the Unix socket.</summary>
    public static CallerIdentity Local(uint uid) => uid == 0 ? new(Role.Admin, "root", "local:root") : new(Role.Admin, $"uid{uid}", $"local:uid{uid}");

    /// <summary>Whoever reads the metrics on loopback.</summary>
    public static CallerIdentity Scraper { get; } = new(Role.Scraper, "metrics", "local:metrics");
}
