using System.Globalization;
using Google.Protobuf.Collections;
using Qm.Fleet.Core.Access;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Selectors;

namespace Qm.Fleet.Controller.Security;

/// <summary>Reads roles and scopes as people write them, and says everything that is wrong with them at once.</summary>
internal static class AccessParser
{
    private const int MostRules = 100;
    private const int MostNames = 100;
    private const int LongestName = 255;

    /// <summary>A role.</summary>
    public static Parsed<AccessRole> Role(V1.AccessRole role)
    {
        List<Problem> problems = [];
        if (!Labels.IsName(role.Name, out var problem))
        {
            problems.Add(new("role.name", problem));
        }
        if (role.Rules.Count is 0 or > MostRules)
        {
            problems.Add(new("role.rules", string.Create(CultureInfo.InvariantCulture, $"{role.Rules.Count} rules; a role has 1 to {MostRules}")));
        }
        var rules = role.Rules.Take(MostRules).Select((rule, index) => Rule(rule, string.Create(CultureInfo.InvariantCulture, $"role.rules[{index}]"), problems)).ToList();
        return new Parsed<AccessRole>(new AccessRole(role.Name, [.. rules]), problems);
    }

    /// <summary>A scope; an absent one is everything.</summary>
    public static Parsed<AccessScope> Scope(V1.AccessScope? scope, string path)
    {
        List<Problem> problems = [];
        return new Parsed<AccessScope>(Scope(scope, path, problems), problems);
    }

    /// <summary>A rule as the API tells it.</summary>
    public static V1.AccessRule ToWire(this AccessRule rule) => new()
    {
        Deny = rule.Effect == AccessEffect.Deny,
        Verbs = { rule.Verbs },
        Resources = { rule.Resources },
        Scope = rule.Scope.IsEverything ? null : rule.Scope.ToWire(),
        Within = rule.Within.IsEverything ? null : rule.Within.ToWire(),
    };

    /// <summary>A role as the API tells it.</summary>
    public static V1.AccessRole ToWire(this AccessRole role) => new()
    {
        Name = role.Name,
        Rules = { role.Rules.Select(static rule => rule.ToWire()) },
        BuiltIn = AccessRole.BuiltIn.Any(known => known.Name == role.Name),
    };

    private static V1.AccessScope ToWire(this AccessScope scope) => new()
    {
        Sites = { scope.Sites },
        Fleets = { scope.Fleets },
        Nodes = { scope.Nodes },
        Selector = scope.Labels?.ToString() ?? "",
        Units = { scope.Units },
    };

    private static AccessRule Rule(V1.AccessRule rule, string path, List<Problem> problems)
    {
        Names(rule.Verbs, $"{path}.verbs", isNeeded: true, problems);
        Names(rule.Resources, $"{path}.resources", isNeeded: true, problems);
        problems.AddRange(rule.Resources.Where(static resource => resource != "*" && !AccessResource.All.Contains(resource)).Select(resource =>
            new Problem($"{path}.resources", $"there is no resource \"{resource}\"; expected * or one of {string.Join(", ", AccessResource.All)}")));
        return new AccessRule(
            rule.Deny ? AccessEffect.Deny : AccessEffect.Allow, [.. rule.Verbs], [.. rule.Resources], Scope(rule.Scope, $"{path}.scope", problems));
    }

    private static AccessScope Scope(V1.AccessScope? scope, string path, List<Problem> problems)
    {
        if (scope is null)
        {
            return AccessScope.Everything;
        }
        Names(scope.Sites, $"{path}.sites", isNeeded: false, problems);
        Names(scope.Fleets, $"{path}.fleets", isNeeded: false, problems);
        Names(scope.Nodes, $"{path}.nodes", isNeeded: false, problems);
        Names(scope.Units, $"{path}.units", isNeeded: false, problems);
        if (!LabelSelector.TryParse(scope.Selector, out var labels, out var wrong))
        {
            problems.AddRange(wrong.Select(text => new Problem($"{path}.selector", text)));
        }
        return new AccessScope([.. scope.Sites], [.. scope.Fleets], [.. scope.Nodes], labels is { Requirements.IsEmpty: false } ? labels : null, [.. scope.Units]);
    }

    private static void Names(RepeatedField<string> names, string path, bool isNeeded, List<Problem> problems)
    {
        if (names.Count > MostNames || (isNeeded && names.Count == 0))
        {
            problems.Add(new(path, string.Create(CultureInfo.InvariantCulture, $"{names.Count} names; expected {(isNeeded ? 1 : 0)} to {MostNames}")));
        }
        problems.AddRange(names.Where(static name => name.Length is 0 or > LongestName || name.Any(static character => !char.IsAscii(character) || char.IsControl(character) || character == ' '))
            .Take(1).Select(_ => new Problem(path, $"a name has 1 to {LongestName} printable ASCII characters and no spaces")));
    }
}
