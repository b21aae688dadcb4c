using Qm.Fleet.Core.Revisions;

namespace Qm.Fleet.Agent.Revisions;

/// <summary>An owned file as it shall be.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Name">The workload's name or the safety unit's full name; empty for the other kinds.</param>
/// <param name="Content">The whole text.</param>
internal sealed record OwnedFile(OwnedFileKind Kind, string Name, string Content);

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

    /// <summary>Whether it lies where what runs in QM can put anything in its place.</summary>
    public bool IsOfQm => Tree != "/";

    /// <summary>The path from the tree's root.</summary>
    public string InTree => $"{Directory}/{FileName}";
}
