using Qm.Fleet.Core.Selectors;

namespace Qm.Fleet.Core.Environments;

/// <summary>Checks Nodes.</summary>
public static class NodeParser
{
    /// <summary>The site of nodes that name none.</summary>
    public const string DefaultSite = "local";

    // BlueChi's configuration keeps 44 bytes of NAME in "[node NAME]"; the node's QM needs a section, too, and has 3 more.
    private const int MaxName = 44 - 3;

    /// <summary>Checks a Node; all problems at once.</summary>
    public static Parsed<NodeSpec> Parse(NodeManifest manifest)
    {
        var problems = new ProblemList();
        problems.Check("metadata.name", NameProblem(manifest.Name));
        var labels = MetadataParser.ParseLabels(manifest.Labels, problems);
        var site = manifest.Site.Length == 0 ? DefaultSite : manifest.Site;
        problems.Check("spec.site", Labels.IsName(site, out var problem) ? null : problem);
        return new(new(manifest.Name, labels, site, manifest.Cordoned) { Maintenance = manifest.Maintenance }, problems.Found);
    }

    private static string? NameProblem(string name) => name switch
    {
        "" => "a name is required",
        ['q', 'm', '.', .. var host] => $"\"{name}\" is how BlueChi knows the QM of a node, not a node; use \"{host}\"",
        { Length: > MaxName } => $"the name has {name.Length} characters; BlueChi understands at most {MaxName}, because the name of its QM begins with qm.",
        _ when !char.IsAsciiLetterOrDigit(name[0]) || !name.All(character => char.IsAsciiLetterOrDigit(character) || "-_.".Contains(character)) =>
            "the name holds other characters than A-Z, a-z, 0-9, '-', '_' and '.', or does not begin with a letter or digit",
        _ => null,
    };
}
