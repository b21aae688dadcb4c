using System.Collections.Immutable;

namespace Qm.Fleet.Core.Access;

/// <summary>Whether a rule gives or takes.</summary>
public enum AccessEffect
{
    /// <summary>It gives.</summary>
    Allow = 1,

    /// <summary>It takes, whatever other rules give.</summary>
    Deny = 2,
}

/// <summary>One rule: these verbs on these resources within a scope are allowed, or denied.</summary>
/// <param name="Effect">Which.</param>
/// <param name="Verbs">Such as get, or * for all.</param>
/// <param name="Resources">Of <see cref="AccessResource"/>, or * for all.</param>
/// <param name="Scope">Where.</param>
public sealed record AccessRule(AccessEffect Effect, ImmutableArray<string> Verbs, ImmutableArray<string> Resources, AccessScope Scope)
{
    /// <summary>Where its role was given; a target has to lie in both.</summary>
    public AccessScope Within { get; init; } = AccessScope.Everything;

    /// <summary>Whether it holds wherever its verbs and resources do.</summary>
    public bool IsEverywhere => Scope.IsEverything && Within.IsEverything;

    /// <summary>Whether a target lies where it holds.</summary>
    public bool Contains(AccessTarget target) => Scope.Contains(target) && Within.Contains(target);

    /// <summary>Whether it is about a verb and a resource; where is another question.</summary>
    public bool IsAbout(string verb, string resource) => Names(Verbs, verb) && Names(Resources, resource);

    /// <inheritdoc/>
    public bool Equals(AccessRule? other) => other is not null && Effect == other.Effect && Verbs.SequenceEqual(other.Verbs) && Resources.SequenceEqual(other.Resources) && Scope == other.Scope && Within == other.Within;

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Effect, Verbs.Length, Resources.Length, Scope, Within);

    private static bool Names(ImmutableArray<string> names, string name) => names.Contains("*") || names.Contains(name);
}
