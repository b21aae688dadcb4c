using System.Collections.Frozen;
using System.Collections.Immutable;
using Qm.Fleet.Controller.Api;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.Access;

namespace Qm.Fleet.Controller.Security;

/// <summary>Knows the rules of every identity, and what a target that a request names lies in. One change of roles is in force for the next call.</summary>
internal sealed class AccessDesk(AccessStore store, NodeStore nodes, FleetStore fleets, ILiveStatus live)
{
    private AccessBook? _book;

    /// <summary>Everything there is.</summary>
    public AccessBook Book => Volatile.Read(ref _book) ?? Refresh();

    /// <summary>Takes up what was stored.</summary>
    public AccessBook Refresh()
    {
        var book = AccessBook.Of(store.Load());
        Volatile.Write(ref _book, book);
        return book;
    }

    /// <summary>Why a caller may not do something.</summary>
    /// <param name="caller">Who.</param>
    /// <param name="verb">What.</param>
    /// <param name="resource">Of <see cref="AccessResource"/>.</param>
    /// <param name="targets">To what; null for everything.</param>
    /// <param name="isWithinScope">Whether everything is what lies in the caller's scope, so that it may always be asked for.</param>
    /// <returns>A sentence; null when it may.</returns>
    public string? Refusal(CallerIdentity caller, string verb, string resource, IEnumerable<AccessTarget>? targets, bool isWithinScope = false)
    {
        var rules = Book.RulesOf(caller);
        var reach = AccessPolicy.Reach(rules, verb, resource);
        if (reach == AccessReach.Everything)
        {
            return null;
        }
        if (reach == AccessReach.Nothing)
        {
            return $"{caller.Actor} may not {verb} {resource}.";
        }
        if (targets is null && isWithinScope)
        {
            return null;
        }
        if (targets?.ToList() is not { Count: > 0 } named)
        {
            return $"{caller.Actor} may {verb} {resource} within a scope only; name what you mean.";
        }
        // Each is judged as it is and as it would be, so that nobody labels something into their reach, or out of another's.
        var outside = named.SelectMany(Lying).FirstOrDefault(target => !AccessPolicy.Allows(rules, verb, resource, target));
        return outside is null ? null
            : outside.ToString() is { Length: > 0 } name ? $"{caller.Actor} may not {verb} {resource} of {name}."
            : $"{caller.Actor} may {verb} {resource} within a scope only; name what you mean.";
    }

    /// <summary>What lies where a caller may do something.</summary>
    public AccessView View(CallerIdentity caller, MethodRule rule) => new(this, caller, rule.Verb, rule.Resource);

    /// <summary>A target as it is stored; null when there is no such thing any more.</summary>
    public AccessTarget? Stored(AccessTarget target)
    {
        if (target.Node.Length > 0)
        {
            return nodes.Find(target.Node) is { } node
                ? target with { Site = node.Site, Fleet = target.Fleet.Length > 0 ? target.Fleet : live.Node(node.Name).Fleet, Labels = node.Labels }
                : null;
        }
        return target.Fleet.Length == 0 ? target : fleets.Find(target.Fleet) is { } fleet ? target with { Labels = fleet.Labels } : null;
    }

    /// <summary>A target as it is stored and, where the request brings labels, as it would be.</summary>
    private IEnumerable<AccessTarget> Lying(AccessTarget target)
    {
        if (target.Node.Length > 0)
        {
            var stored = nodes.Find(target.Node);
            var fleet = target.Fleet.Length > 0 ? target.Fleet : live.Node(target.Node).Fleet;
            if (stored is not null)
            {
                yield return target with { Site = stored.Site, Fleet = fleet, Labels = stored.Labels };
            }
            if (stored is null || target.Labels is not null)
            {
                yield return target with { Fleet = fleet, Labels = target.Labels ?? FrozenDictionary<string, string>.Empty };
            }
            yield break;
        }
        if (target.Fleet.Length > 0)
        {
            var stored = fleets.Find(target.Fleet);
            if (stored is not null)
            {
                yield return target with { Labels = stored.Labels };
            }
            if (stored is null || target.Labels is not null)
            {
                yield return target with { Labels = target.Labels ?? FrozenDictionary<string, string>.Empty };
            }
            yield break;
        }
        yield return target;
    }
}

/// <summary>All roles, bindings and tokens as they are at one moment.</summary>
/// <param name="Roles">By name, the built-in ones among them.</param>
/// <param name="Bindings">By who has them.</param>
/// <param name="Tokens">By the part of the secret that is looked up.</param>
internal sealed record AccessBook(FrozenDictionary<string, AccessRole> Roles, ILookup<string, (string Role, AccessScope Scope)> Bindings, FrozenDictionary<string, StoredToken> Tokens)
{
    /// <summary>Reads what is stored; a role or scope that this version does not understand gives nobody anything.</summary>
    public static AccessBook Of(StoredAccess stored) => new(
        AccessRole.BuiltIn.Concat(stored.Roles.Select(static role => AccessParser.Role(role).Value).OfType<AccessRole>())
            .DistinctBy(static role => role.Name).ToFrozenDictionary(static role => role.Name, StringComparer.Ordinal),
        stored.Bindings.Select(static binding => (binding.Subject, binding.Role, Scope: AccessParser.Scope(binding.Scope, "scope").Value))
            .Where(static binding => binding.Scope is not null).ToLookup(static binding => binding.Subject, static binding => (binding.Role, binding.Scope!), StringComparer.Ordinal),
        stored.Tokens.ToFrozenDictionary(static token => token.Id, StringComparer.Ordinal));

    /// <summary>All rules of an identity: of the role it came with, and of those it was given.</summary>
    public ImmutableArray<AccessRule> RulesOf(CallerIdentity caller) =>
    [
        .. caller.FurtherRoles.Prepend(caller.Role).SelectMany(role => Within(role, caller.Within)),
        .. Bindings[caller.Actor].SelectMany(binding => Within(binding.Role, binding.Scope)),
    ];

    /// <summary>Names of an identity's roles.</summary>
    public IEnumerable<string> RolesOf(CallerIdentity caller) => caller.FurtherRoles.Prepend(caller.Role).Concat(Bindings[caller.Actor].Select(static binding => binding.Role))
        .Where(static role => role.Length > 0).Distinct(StringComparer.Ordinal);

    private IEnumerable<AccessRule> Within(string role, AccessScope scope) => Roles.TryGetValue(role, out var found) ? found.Rules.Select(rule => rule with { Within = scope }) : [];
}
