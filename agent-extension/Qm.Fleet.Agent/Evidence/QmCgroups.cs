namespace Qm.Fleet.Agent.Evidence;

/// <summary>Where QM and the containers inside it stand in the cgroup tree of the host.</summary>
/// <remarks>
/// Beside QM's payload stands <c>runtime</c>, which holds conmon. A quadlet inside QM runs its container in a payload of the same form below its
/// service; a <c>podman run</c> inside QM gets a scope in machine.slice, and its conmon another one.
/// </remarks>
internal static class QmCgroups
{
    /// <summary>The cgroup of qm.service.</summary>
    public const string Service = "/sys/fs/cgroup/qm.service";

    /// <summary>Where conmon runs, in qm.service and in every service of a quadlet inside QM.</summary>
    public const string Runtime = "runtime";

    private const string PayloadPrefix = "libpod-payload-";
    private const string ScopePrefix = "libpod-";
    private const string ScopeConmonPrefix = "libpod-conmon-";

    /// <summary>The payloads of qm.service: one while QM runs, none while it does not.</summary>
    public static IEnumerable<string> Payloads(Findings findings) =>
        from name in findings.Names(Service)
        where name.StartsWith(PayloadPrefix, StringComparison.Ordinal)
        select $"{Service}/{name}";

    /// <summary>Every cgroup below a payload, parents first, with the container it belongs to.</summary>
    public static IEnumerable<QmCgroup> Below(Findings findings, string payload) =>
        findings.Cgroups(payload, static _ => true).Select(path => new QmCgroup(path, path[payload.Length..].Split('/', StringSplitOptions.RemoveEmptyEntries)));

    /// <summary>Where in a path below a payload a container begins; -1 when it is no container's.</summary>
    internal static int ContainerAt(IReadOnlyList<string> names)
    {
        for (var i = 0; i < names.Count; i++)
        {
            if ((i > 0 && names[i - 1].EndsWith(".service", StringComparison.Ordinal) && names[i].StartsWith(PayloadPrefix, StringComparison.Ordinal))
                || (names[0] == "machine.slice" && names[i].StartsWith(ScopePrefix, StringComparison.Ordinal)
                    && !IsConmonScope(names[i]) && names[i].EndsWith(".scope", StringComparison.Ordinal)))
            {
                return i;
            }
        }

        return -1;
    }

    /// <summary>Whether it is the scope of the conmon of a <c>podman run</c>.</summary>
    internal static bool IsConmonScope(string name) => name.StartsWith(ScopeConmonPrefix, StringComparison.Ordinal);
}

/// <summary>A cgroup below QM's payload.</summary>
/// <param name="Path">From the node's root.</param>
/// <param name="Names">Its path below the payload, a name an entry; empty for the payload itself.</param>
internal sealed record QmCgroup(string Path, IReadOnlyList<string> Names)
{
    private readonly int _container = QmCgroups.ContainerAt(Names);

    /// <summary>Whether it is a container's, or lies below one.</summary>
    public bool IsInContainer => _container >= 0;

    /// <summary>Whether it is a container's topmost cgroup, which counts everything the container uses.</summary>
    public bool IsContainer => _container >= 0 && _container == Names.Count - 1;

    /// <summary>Whether it holds a conmon that a <c>podman run</c> in QM started.</summary>
    public bool IsConmonScope => Names.Any(QmCgroups.IsConmonScope);

    /// <summary>Whether it holds a container's conmon, whoever started it.</summary>
    public bool IsConmon => IsConmonScope || Names.Contains(QmCgroups.Runtime);

    /// <summary>The unit inside QM: of a container its quadlet's service or its scope, of anything else the innermost unit.</summary>
    public string Unit => _container switch
    {
        > 0 when Names[_container - 1].EndsWith(".service", StringComparison.Ordinal) => Names[_container - 1],
        >= 0 => Names[_container],
        _ => Names.LastOrDefault(IsUnit) ?? "-.slice",
    };

    private static bool IsUnit(string name) => name.EndsWith(".service", StringComparison.Ordinal)
        || name.EndsWith(".scope", StringComparison.Ordinal) || name.EndsWith(".slice", StringComparison.Ordinal);
}
