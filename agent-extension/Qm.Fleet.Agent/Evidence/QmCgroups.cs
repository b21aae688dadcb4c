using Qm.Fleet.Core.Cgroups;

namespace Qm.Fleet.Agent.Evidence;

/// <summary>Where QM and the containers inside it stand in the cgroup tree of the host.</summary>
internal static class QmCgroups
{
    /// <summary>The cgroup of qm.service.</summary>
    public const string Service = "/sys/fs/cgroup/qm.service";

    /// <inheritdoc cref="QmCgroup.Runtime"/>
    public const string Runtime = QmCgroup.Runtime;

    /// <summary>The payloads of qm.service: one while QM runs, none while it does not.</summary>
    public static IEnumerable<string> Payloads(Findings findings) =>
        from name in findings.Directories(Service)
        where name.StartsWith(QmCgroup.PayloadPrefix, StringComparison.Ordinal)
        select $"{Service}/{name}";

    /// <summary>Every cgroup below a payload, parents first, with the container it belongs to.</summary>
    public static IEnumerable<QmCgroup> Below(Findings findings, string payload) =>
        findings.Cgroups(payload, static _ => true).Select(path => new QmCgroup(path, path[payload.Length..].Split('/', StringSplitOptions.RemoveEmptyEntries)));
}
