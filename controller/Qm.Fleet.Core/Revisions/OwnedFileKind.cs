namespace Qm.Fleet.Core.Revisions;

/// <summary>What a file owned on a node is; decides where it lies there. Numbers are those of the wire.</summary>
public enum OwnedFileKind
{
    /// <summary>Limits and OOM score of QM: a drop-in of QM's quadlet.</summary>
    QmContainerDropIn = 1,

    /// <summary>OOM score of the containers inside QM: a drop-in of QM's containers.conf.</summary>
    QmContainersConf = 2,

    /// <summary>Settings of the BlueChi agent inside QM.</summary>
    QmBlueChiAgentConf = 3,

    /// <summary>A container inside QM, as a quadlet.</summary>
    Workload = 4,

    /// <summary>OOM score of a safety unit of the host: a drop-in of that unit.</summary>
    AsilDropIn = 5,

    /// <summary>Settings of the BlueChi agent of the host.</summary>
    HostBlueChiAgentConf = 6,
}

/// <summary>Which owned file: its kind, and a name where the kind has several.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Name">The workload's name or the safety unit's full name; empty for the other kinds.</param>
public readonly record struct OwnedFileId(OwnedFileKind Kind, string Name) : IComparable<OwnedFileId>
{
    /// <summary>Where it lies on a node whose quadlet puts QM's /etc at the usual place; the agent extension goes by the quadlet in force.</summary>
    public string UsualPath => Kind switch
    {
        OwnedFileKind.QmContainerDropIn => "/etc/containers/systemd/qm.container.d/50-qm-fleet.conf",
        OwnedFileKind.QmContainersConf => "/etc/qm/containers/containers.conf.d/50-qm-fleet.conf",
        OwnedFileKind.QmBlueChiAgentConf => "/etc/qm/bluechi/agent.conf.d/zz-qm-fleet.conf",
        OwnedFileKind.Workload => $"/etc/qm/containers/systemd/{Name}.container",
        OwnedFileKind.AsilDropIn => $"/etc/systemd/system/{Name}.d/50-qm-fleet.conf",
        _ => "/etc/bluechi/agent.conf.d/zz-qm-fleet.conf",
    };

    /// <inheritdoc/>
    public int CompareTo(OwnedFileId other) =>
        Kind != other.Kind ? Kind.CompareTo(other.Kind) : string.CompareOrdinal(Name, other.Name);

    /// <inheritdoc/>
    public override string ToString() => Name.Length == 0 ? Kind.ToString() : $"{Kind} {Name}";
}
