using Microsoft.Extensions.Logging;

namespace Qm.Fleet.Agent.Configuration;

/// <summary>
/// How one agent runs. To add an option: a property here, a line in <see cref="OptionReader"/>'s table; help, file and checks follow from it.
/// </summary>
public sealed record AgentOptions
{
    /// <summary>The directory of this machine that is the node's <c>/</c>.</summary>
    public string Root { get; init; } = "/";

    /// <summary>The controller's address, <c>https://host:port</c>.</summary>
    public required Uri Controller { get; init; }

    /// <summary>
    /// Where <c>identity.pem</c>, which the agent makes when it joins, or <c>ca.crt</c>, <c>node.crt</c> and <c>node.key</c> (PEM) lie, as the node sees it: below
    /// <see cref="Root"/>.
    /// </summary>
    public string Pki { get; init; } = "/etc/qm-fleet/pki";

    /// <summary>The name to join as, BlueChi's node name of the host; null for the one that the host's BlueChi agent registers.</summary>
    public string? Node { get; init; }

    /// <summary>A file of authorities (PEM) by which a node that joins knows the controller, below <see cref="Root"/>; null for <c>ca.crt</c> in <see cref="Pki"/>, where that is.</summary>
    public string? Ca { get; init; }

    /// <summary>Where a join token is brought to (mode 0600), below <see cref="Root"/>; it is removed when the node has joined.</summary>
    public string JoinToken { get; init; } = "/etc/qm-fleet/join-token";

    /// <summary>
    /// A file of authorities (PEM) that servers of rootfs archives may be of, besides those of the machine's system store, as the node sees it: below
    /// <see cref="Root"/>; null for none.
    /// </summary>
    public string? ArchiveCa { get; init; }

    /// <summary>The agent's memory, as the node sees it: below <see cref="Root"/>.</summary>
    public string State { get; init; } = "/var/lib/qm-fleet";

    /// <summary>
    /// Where the node's <c>systemctl</c> and <c>systemd-run</c> lie on this machine; null for <c>/usr/bin</c> where <see cref="Root"/> is this machine's
    /// own, and for none anywhere else: they would restart units of another node. On a root that is not this machine's, probes find <c>podman</c> there, too.
    /// </summary>
    public string? SystemdPrograms { get; init; }

    /// <summary>Between two samples of what QM and its containers use, 1 s to 1 h; they are remembered whether the controller listens or not.</summary>
    public TimeSpan UsageInterval { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The least important level that is logged.</summary>
    public LogLevel LogLevel { get; init; } = LogLevel.Information;
}
