namespace Qm.Fleet.Agent.Revisions;

/// <summary>What an owned file is, which decides where it lies. The numbers are the wire's and those in the state directory.</summary>
internal enum OwnedKind
{
    /// <summary>Limits and OOM score of QM.</summary>
    QmContainerDropIn = 1,

    /// <summary>OOM score of containers inside QM.</summary>
    QmContainersConf = 2,

    /// <summary>The BlueChi agent inside QM.</summary>
    QmBlueChiAgentConf = 3,

    /// <summary>A workload's quadlet inside QM.</summary>
    Workload = 4,

    /// <summary>OOM score of a safety unit of the host.</summary>
    AsilDropIn = 5,
}

/// <summary>An owned file as it shall be.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Name">The workload's name or the safety unit's full name; empty for the other kinds.</param>
/// <param name="Content">The whole text.</param>
internal sealed record OwnedFile(OwnedKind Kind, string Name, string Content);

/// <summary>
/// Where an owned file lies: below <paramref name="Tree"/>, which links inside it cannot leave. The host's files have the tree
/// <c>/</c>; files of QM have QM's <c>/etc</c>, because what runs in QM can plant links there.
/// </summary>
/// <param name="Tree">An absolute directory of the node.</param>
/// <param name="Directory">Relative to the tree.</param>
/// <param name="FileName">A single path component.</param>
internal sealed record OwnedPath(string Tree, string Directory, string FileName)
{
    /// <summary>The path from the node's root.</summary>
    public string Full => $"{(Tree == "/" ? "" : Tree)}/{Directory}/{FileName}";

    /// <summary>The path from the tree's root.</summary>
    public string InTree => $"{Directory}/{FileName}";
}
