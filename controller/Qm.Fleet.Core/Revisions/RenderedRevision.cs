using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using Qm.Fleet.Core.Environments;

namespace Qm.Fleet.Core.Revisions;

/// <summary>One owned file as it shall be on a node.</summary>
/// <param name="Id">Which file.</param>
/// <param name="Content">Its whole content.</param>
public sealed record RenderedFile(OwnedFileId Id, string Content)
{
    /// <summary>SHA-256 of the UTF-8 content, 64 lower-case hex digits.</summary>
    public string Sha256 { get; } = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Content)));
}

/// <summary>A revision as one node shall have it.</summary>
/// <param name="Name">The revision's name.</param>
/// <param name="Environment">What it holds.</param>
/// <param name="Files">Every owned file and no other, ordered by id.</param>
public sealed record RenderedRevision(string Name, FleetEnvironment Environment, ImmutableArray<RenderedFile> Files)
{
    /// <summary>Whether it takes everything away.</summary>
    public bool IsRemoval => ReferenceEquals(Environment, Removal.Environment);

    /// <summary>The name QM's BlueChi agent shall register; null where that is the node's own business.</summary>
    public string? QmNodeName { get; init; }

    /// <summary>The file of this id; null when the revision has none.</summary>
    public RenderedFile? Find(OwnedFileId id) => Files.FirstOrDefault(file => file.Id == id);
}
