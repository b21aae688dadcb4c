namespace Qm.Fleet.Cli.Verbs;

/// <summary>Kinds as people name them.</summary>
internal static class Resources
{
    internal const string Node = "node";
    internal const string Fleet = "fleet";
    internal const string Revision = "revision";
    internal const string Event = "event";

    /// <summary>Reads <c>nodes</c>, <c>node ecu1</c> or <c>node/ecu1</c>.</summary>
    internal static (string Kind, string? Name) Parse(string resource, string? name)
    {
        var slash = resource.IndexOf('/', StringComparison.Ordinal);
        var word = slash < 0 ? resource : resource[..slash];
        if (slash >= 0 && name is not null)
        {
            throw new CliException(ExitCode.Invalid, $"{resource} {name}: the name stands twice");
        }

        return (word.ToLowerInvariant() switch
        {
            "node" or "nodes" or "no" => Node,
            "fleet" or "fleets" or "fl" => Fleet,
            "revision" or "revisions" or "rev" => Revision,
            "event" or "events" or "ev" => Event,
            _ => throw new CliException(ExitCode.Invalid, $"{word}: no such kind; known are nodes, fleets, revisions, events"),
        }, slash < 0 ? name : resource[(slash + 1)..]);
    }
}
