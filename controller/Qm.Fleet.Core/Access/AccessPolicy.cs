namespace Qm.Fleet.Core.Access;

/// <summary>How a call that concerns no one thing, such as a list, is answered.</summary>
public enum AccessReach
{
    /// <summary>Refused.</summary>
    Nothing = 0,

    /// <summary>Answered with what lies in scope: each thing is judged by itself.</summary>
    Some = 1,

    /// <summary>Answered whole.</summary>
    Everything = 2,
}

/// <summary>Who may do what: the decision, and nothing else decides it. What no rule allows is denied, and a denial wins over everything.</summary>
public static class AccessPolicy
{
    /// <summary>Whether rules allow a verb on one target.</summary>
    /// <param name="rules">All rules of all roles that the caller has.</param>
    /// <param name="verb">Such as restart.</param>
    /// <param name="resource">Of <see cref="AccessResource"/>.</param>
    /// <param name="target">What it is done to.</param>
    public static bool Allows(IEnumerable<AccessRule> rules, string verb, string resource, AccessTarget target)
    {
        var isAllowed = false;
        foreach (var rule in rules)
        {
            if (!rule.IsAbout(verb, resource) || !rule.Contains(target))
            {
                continue;
            }
            if (rule.Effect == AccessEffect.Deny)
            {
                return false;
            }
            isAllowed = true;
        }
        return isAllowed;
    }

    /// <summary>How far rules let a verb reach where no target is named.</summary>
    /// <inheritdoc cref="Allows"/>
    public static AccessReach Reach(IEnumerable<AccessRule> rules, string verb, string resource)
    {
        var (some, all, less) = (false, false, false);
        foreach (var rule in rules)
        {
            if (!rule.IsAbout(verb, resource))
            {
                continue;
            }
            switch (rule.Effect, rule.IsEverywhere)
            {
                case (AccessEffect.Deny, true):
                    return AccessReach.Nothing;
                case (AccessEffect.Deny, false):
                    less = true;
                    break;
                case (_, true):
                    all = true;
                    break;
                default:
                    some = true;
                    break;
            }
        }
        return (all, some, less) switch
        {
            (true, _, false) => AccessReach.Everything,
            (true, _, true) or (false, true, _) => AccessReach.Some,
            _ => AccessReach.Nothing,
        };
    }
}
