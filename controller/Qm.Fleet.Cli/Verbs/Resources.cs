using System.CommandLine;
using Qm.Fleet.Cli.Kinds;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>Resources as people name them on the command line.</summary>
internal static class Resources
{
    /// <summary>The arguments of a verb that is about resources: KIND or KIND/NAME, then NAME.</summary>
    internal static (Argument<string> Kind, Argument<string?> Name) Arguments(string kinds) => (
        new("KIND") { Description = $"{kinds}; KIND/NAME works, too" },
        new("NAME") { Description = "Which one", Arity = ArgumentArity.ZeroOrOne });

    /// <summary>Reads <c>nodes</c>, <c>node ecu1</c> or <c>node/ecu1</c>.</summary>
    /// <exception cref="CliException">There is no such kind, or the name is missing or stands twice.</exception>
    internal static (ResourceKind Kind, string? Name) Parse(string resource, string? name)
    {
        var slash = resource.IndexOf('/', StringComparison.Ordinal);
        var kind = KindOf(slash < 0 ? resource : resource[..slash]);
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

    /// <summary>Reads <c>nodes</c>, <c>node ecu1 ecu2</c> or <c>node/ecu1 fleet/cockpit</c>; a kind alone has no names.</summary>
    /// <exception cref="CliException">There is no such kind, or a name is missing or stands without its kind.</exception>
    internal static IReadOnlyList<(ResourceKind Kind, string? Name)> ParseAll(IReadOnlyList<string> words)
    {
        if (words.Count == 0)
        {
            throw new CliException(ExitCode.Invalid, "about what? Expected KIND/NAME, such as node/ecu1");
        }

        if (words[0].Contains('/', StringComparison.Ordinal))
        {
            return [.. words.Select(word => word.Contains('/', StringComparison.Ordinal)
                ? Parse(word, null) : throw new CliException(ExitCode.Invalid, $"{word}: of which kind? Expected KIND/NAME, such as node/{word}"))];
        }

        return words.Count == 1 ? [Parse(words[0], null)] : [.. words.Skip(1).Select(name => Parse(words[0], name))];
    }

    /// <summary>Only what one of the kinds is.</summary>
    /// <exception cref="CliException">It is of another.</exception>
    internal static void Only(string verb, ResourceKind kind, params string[] kinds)
    {
        if (!kinds.Contains(kind.Name))
        {
            throw new CliException(ExitCode.Invalid, $"{verb} {kind.Name}: {verb} is for {string.Join(" and ", kinds.Select(known => known + "s"))}; qmfleet get {kind.Plural} -o yaml shows all there is");
        }
    }

    private static ResourceKind KindOf(string word) => ResourceKind.Find(word) ?? throw new CliException(
        ExitCode.Invalid, $"{word}: no such kind; known are {string.Join(", ", ResourceKind.All.Select(kind => $"{kind.Plural} ({kind.Abbreviation})"))}");
}
