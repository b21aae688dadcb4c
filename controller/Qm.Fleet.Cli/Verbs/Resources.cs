using System.CommandLine;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>Kinds as people name them.</summary>
internal static class Resources
{
    internal const string Node = "node";
    internal const string Fleet = "fleet";
    internal const string Revision = "revision";
    internal const string Event = "event";

    /// <summary>The arguments of a verb that is about resources: KIND or KIND/NAME, then NAME.</summary>
    internal static (Argument<string> Kind, Argument<string?> Name) Arguments(string kinds) => (
        new("KIND") { Description = $"{kinds}; KIND/NAME works, too" },
        new("NAME") { Description = "Which one", Arity = ArgumentArity.ZeroOrOne });

    /// <summary>Reads <c>nodes</c>, <c>node ecu1</c> or <c>node/ecu1</c>.</summary>
    /// <exception cref="CliException">There is no such kind, or the name is missing or stands twice.</exception>
    internal static (string Kind, string? Name) Parse(string resource, string? name)
    {
        var slash = resource.IndexOf('/', StringComparison.Ordinal);
        var word = slash < 0 ? resource : resource[..slash];
        var kind = word.ToLowerInvariant() switch
        {
            "node" or "nodes" or "no" => Node,
            "fleet" or "fleets" or "fl" => Fleet,
            "revision" or "revisions" or "rev" => Revision,
            "event" or "events" or "ev" => Event,
            _ => throw new CliException(ExitCode.Invalid, $"{word}: no such kind; known are nodes (no), fleets (fl), revisions (rev), events (ev)"),
        };
        if (slash >= 0 && name is not null)
        {
            throw new CliException(ExitCode.Invalid, $"{resource} {name}: the name stands twice");
        }

        return (slash < 0 ? name : resource[(slash + 1)..]) switch
        {
            "" => throw new CliException(ExitCode.Invalid, $"{resource}: the name is missing"),
            // No name begins so: it is an option that was mistyped.
            ['-', ..] option => throw new CliException(ExitCode.Invalid, $"{option}: no such option; see --help"),
            var given => (kind, given),
        };
    }
}
