using Qm.Fleet.Core.Revisions;
using Qm.Fleet.Core.Selectors;

namespace Qm.Fleet.Core.Environments;

/// <summary>Checks Nodes.</summary>
public static class NodeParser
{
    /// <summary>The site of nodes that name none.</summary>
    public const string DefaultSite = "local";

    // BlueChi's configuration keeps 44 bytes of NAME in "[node NAME]".
    private const int MaxName = 44;

    /// <summary>Checks a Node; all problems at once.</summary>
    public static Parsed<NodeSpec> Parse(NodeManifest manifest)
    {
        var problems = new ProblemList();
        problems.Check("metadata.name", NameProblem(manifest.Name));
        var labels = MetadataParser.ParseLabels(manifest.Labels, problems);
        var site = manifest.Site.Length == 0 ? DefaultSite : manifest.Site;
        problems.Check("spec.site", Labels.IsName(site, out var problem) ? null : problem);
        return new(new(manifest.Name, labels, site, manifest.Cordoned), problems.Found);
    }

    private static string? NameProblem(string name)
    {
        var host = QmNode.HostOf(name, out var isQm);
        return name switch
        {
            "" => "a name is required",
            { Length: > MaxName } => $"the name has {name.Length} characters; BlueChi understands at most {MaxName}",
            _ when !name.All(character => char.IsAsciiLetterOrDigit(character) || "-_.".Contains(character)) =>
                "the name holds other characters than A-Z, a-z, 0-9, '-', '_' and '.'",
            _ when isQm => $"\"{name}\" is the QM of node {host}, not a node; use {host}",
            _ => null,
        };
    }
}
