namespace Qm.Fleet.Core.Cgroups;

/// <summary>A cgroup below the payload of qm.service, by the names on the way to it.</summary>
/// <remarks>
/// Beside QM's payload stands <c>runtime</c>, which holds conmon. A quadlet inside QM runs its container in a payload of the same form below its
/// service; a <c>podman run</c> inside QM gets a scope in machine.slice, and its conmon another one.
/// </remarks>
/// <param name="Path">From the node's root.</param>
/// <param name="Names">Its path below the payload, a name an entry; empty for the payload itself.</param>
public sealed record QmCgroup(string Path, IReadOnlyList<string> Names)
{
    /// <summary>Where conmon runs, in qm.service and in every service of a quadlet inside QM.</summary>
    public const string Runtime = "runtime";

    /// <summary>What the name of a payload begins with.</summary>
    public const string PayloadPrefix = "libpod-payload-";

    private const string ScopePrefix = "libpod-";
    private const string ScopeConmonPrefix = "libpod-conmon-";
    private readonly int _container = ContainerAt(Names);

    /// <summary>Whether it is a container's, or lies below one.</summary>
    public bool IsInContainer => _container >= 0;

    /// <summary>Whether it is a container's topmost cgroup, which counts everything the container uses.</summary>
    public bool IsContainer => _container >= 0 && _container == Names.Count - 1;

    /// <summary>Whether it holds a conmon that a <c>podman run</c> in QM started.</summary>
    public bool IsConmonScope => Names.Any(IsScopeOfConmon);

    /// <summary>Whether it holds a container's conmon, whoever started it.</summary>
    public bool IsConmon => IsConmonScope || Names.Contains(Runtime);

    /// <summary>The unit inside QM: of a container its quadlet's service or its scope, of anything else the innermost unit.</summary>
    public string Unit => _container switch
    {
        > 0 when Names[_container - 1].EndsWith(".service", StringComparison.Ordinal) => Names[_container - 1],
        >= 0 => Names[_container],
        _ => Names.LastOrDefault(IsUnit) ?? "-.slice",
    };

    /// <summary>Whether a name is that of a unit which can have a cgroup: a service, scope or slice.</summary>
    public static bool IsUnit(string name) => name.EndsWith(".service", StringComparison.Ordinal)
        || name.EndsWith(".scope", StringComparison.Ordinal) || name.EndsWith(".slice", StringComparison.Ordinal);

    // Where in a path below a payload a container begins; -1 when it is no container's.
    private static int ContainerAt(IReadOnlyList<string> names)
    {
        for (var i = 0; i < names.Count; i++)
        {
            if ((i > 0 && names[i - 1].EndsWith(".service", StringComparison.Ordinal) && names[i].StartsWith(PayloadPrefix, StringComparison.Ordinal))
                || (names[0] == "machine.slice" && names[i].StartsWith(ScopePrefix, StringComparison.Ordinal)
                    && !IsScopeOfConmon(names[i]) && names[i].EndsWith(".scope", StringComparison.Ordinal)))
            {
                return i;
            }
        }

        return -1;
    }

    private static bool IsScopeOfConmon(string name) => name.StartsWith(ScopeConmonPrefix, StringComparison.Ordinal);
}
