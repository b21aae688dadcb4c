using System.Collections.Immutable;

namespace Qm.Fleet.Core.Environments;

/// <summary>Stable ids of the rules an input can break; they appear in messages and never change their meaning.</summary>
public static class Rules
{
    /// <summary>ASIL scores are below 0, QM's is above the host's, nested ones are above QM's.</summary>
    public const string OomOrder = "QMF-R005";

    /// <summary>A setting that could cut a node or its QM off from their controller.</summary>
    public const string LinkSafety = "QMF-R007";

    /// <summary>Limits contradict each other.</summary>
    public const string LimitOrder = "QMF-R010";

    /// <summary>A setting that another field of the environment owns, or that is derived.</summary>
    public const string OwnedElsewhere = "QMF-R011";

    /// <summary>An address that cannot work inside QM.</summary>
    public const string UnreachableAddress = "QMF-R012";

    /// <summary>Every rule with a title for people, by id.</summary>
    public static ImmutableSortedDictionary<string, string> Titles { get; } = new Dictionary<string, string>
    {
        [OomOrder] = "Safety units are killed last, QM before the host, containers inside QM first",
        [LinkSafety] = "No setting cuts a node or its QM off from their controller",
        [LimitOrder] = "Limits do not contradict each other",
        [OwnedElsewhere] = "A value is set in one place",
        [UnreachableAddress] = "The controller's address works inside QM",
    }.ToImmutableSortedDictionary(StringComparer.Ordinal);
}
