using System.Collections.Immutable;
using CsCheck;
using Qm.Fleet.Core.Access;
using Qm.Fleet.Core.Selectors;
using Xunit;

namespace Qm.Fleet.Core.Tests.Access;

[Trait("Requirement", "QMF-RULE-12")]
public sealed class AccessPolicyTests
{
    private static readonly AccessTarget Ecu1 = new("local", "cockpit", "ecu1", new Dictionary<string, string> { ["zone"] = "cockpit" }, "radio.service");

    [Fact]
    public void Allows_NoRule_DeniesEverything() => Assert.False(AccessPolicy.Allows([], "get", AccessResource.Nodes, Ecu1));

    [Fact]
    public void Allows_DenialBesideAllowance_DeniesInAnyOrder() => Gen.Shuffle(new[]
    {
        Rule(AccessEffect.Allow, ["*"], ["*"]),
        Rule(AccessEffect.Deny, ["restart"], [AccessResource.Units], new([], [], ["ecu*"], null, [])),
        Rule(AccessEffect.Allow, ["restart"], [AccessResource.Units]),
    }).Sample(rules => !AccessPolicy.Allows(rules, "restart", AccessResource.Units, Ecu1)
        && AccessPolicy.Allows(rules, "restart", AccessResource.Units, Ecu1 with { Node = "bench1" })
        && AccessPolicy.Allows(rules, "start", AccessResource.Units, Ecu1));

    [Theory]
    [InlineData("local", "", "", "", "", true)]
    [InlineData("other", "", "", "", "", false)]
    [InlineData("", "cock*", "", "", "", true)]
    [InlineData("", "adas", "", "", "", false)]
    [InlineData("", "", "ecu?", "", "", true)]
    [InlineData("", "", "ecu", "", "", false)]
    [InlineData("", "", "", "zone=cockpit", "", true)]
    [InlineData("", "", "", "zone!=cockpit", "", false)]
    [InlineData("", "", "", "", "*.service", true)]
    [InlineData("", "", "", "", "*.timer", false)]
    [InlineData("local", "cockpit", "ecu1", "zone", "radio.service", true)]
    public void Contains_EachPartOfAScope_HasToHold(string site, string fleet, string node, string labels, string unit, bool expected)
    {
        Assert.True(LabelSelector.TryParse(labels, out var selector, out _));
        var scope = new AccessScope(Names(site), Names(fleet), Names(node), labels.Length == 0 ? null : selector, Names(unit));

        Assert.Equal(expected, scope.Contains(Ecu1));
    }

    [Fact]
    public void Contains_ScopeNamesWhatTheTargetHasNot_IsOutside()
    {
        var units = new AccessScope([], [], [], null, ["*"]);

        Assert.False(units.Contains(Ecu1 with { Unit = "" }));
        Assert.False(new AccessScope([], [], [], Selector("zone"), []).Contains(new AccessTarget(Fleet: "cockpit")));
    }

    [Theory]
    [InlineData(true, false, false, AccessReach.Everything)]
    [InlineData(true, false, true, AccessReach.Some)]
    [InlineData(false, true, false, AccessReach.Some)]
    [InlineData(true, true, false, AccessReach.Everything)]
    [InlineData(false, false, true, AccessReach.Nothing)]
    [InlineData(false, false, false, AccessReach.Nothing)]
    public void Reach_AllowancesAndDenials_AddUp(bool all, bool some, bool less, AccessReach expected)
    {
        var part = new AccessScope([], ["cockpit"], [], null, []);
        List<AccessRule> rules = [];
        rules.AddRange(all ? [Rule(AccessEffect.Allow, ["list"], ["*"])] : []);
        rules.AddRange(some ? [Rule(AccessEffect.Allow, ["list"], ["*"], part)] : []);
        rules.AddRange(less ? [Rule(AccessEffect.Deny, ["list"], ["*"], part)] : []);

        Assert.Equal(expected, AccessPolicy.Reach(rules, "list", AccessResource.Nodes));
        Assert.Equal(AccessReach.Nothing, AccessPolicy.Reach([.. rules, Rule(AccessEffect.Deny, ["*"], ["*"])], "list", AccessResource.Nodes));
    }

    [Fact]
    public void Reach_OfEveryTarget_IsWhatAllowsSays() =>
        Gen.Select(GenRule.Array[0, 6], GenTarget).Sample((rules, target) => AccessPolicy.Reach(rules, "list", AccessResource.Nodes) switch
        {
            AccessReach.Everything => AccessPolicy.Allows(rules, "list", AccessResource.Nodes, target),
            AccessReach.Nothing => !AccessPolicy.Allows(rules, "list", AccessResource.Nodes, target),
            _ => true,
        });

    [Fact]
    public void Allows_RoleGivenWithinAScope_HoldsInBothOnly()
    {
        var rule = Rule(AccessEffect.Allow, ["*"], ["*"], new([], ["cockpit"], [], null, [])) with { Within = new([], [], ["ecu*"], null, []) };

        Assert.True(AccessPolicy.Allows([rule], "get", AccessResource.Nodes, Ecu1));
        Assert.False(AccessPolicy.Allows([rule], "get", AccessResource.Nodes, Ecu1 with { Node = "bench1" }));
        Assert.False(AccessPolicy.Allows([rule], "get", AccessResource.Nodes, Ecu1 with { Fleet = "adas" }));
        Assert.Equal(AccessReach.Some, AccessPolicy.Reach([rule with { Scope = AccessScope.Everything }], "get", AccessResource.Nodes));
    }

    [Fact]
    public void BuiltIn_Roles_DoWhatTheirNameSays()
    {
        string[] mutations = ["apply", "delete", "restart-qm", "restart", "pause", "set-properties"];

        Assert.All(mutations, verb => Assert.False(AccessPolicy.Allows(AccessRole.Viewer.Rules, verb, AccessResource.Nodes, Ecu1), verb));
        Assert.True(AccessPolicy.Allows(AccessRole.Viewer.Rules, "list", AccessResource.Nodes, Ecu1));
        Assert.False(AccessPolicy.Allows(AccessRole.Viewer.Rules, "list", AccessResource.Audit, Ecu1));
        Assert.True(AccessPolicy.Allows(AccessRole.Operator.Rules, "restart", AccessResource.Units, Ecu1));
        Assert.False(AccessPolicy.Allows(AccessRole.Operator.Rules, "delete", AccessResource.Fleets, Ecu1));
        Assert.False(AccessPolicy.Allows(AccessRole.Operator.Rules, "create", AccessResource.Access, Ecu1));
        Assert.All(AccessResource.All.Remove(AccessResource.Gateway), resource => Assert.True(AccessPolicy.Allows(AccessRole.Admin.Rules, "delete", resource, Ecu1), resource));
        Assert.False(AccessPolicy.Allows(AccessRole.Admin.Rules, "connect", AccessResource.Gateway, Ecu1));
        Assert.All(AccessResource.All.Remove(AccessResource.Gateway), resource => Assert.False(AccessPolicy.Allows(AccessRole.Agent.Rules, "get", resource, Ecu1), resource));
        Assert.True(AccessPolicy.Allows(AccessRole.Agent.Rules, "connect", AccessResource.Gateway, Ecu1));
    }

    private static readonly Gen<AccessTarget> GenTarget = Gen.Select(
        Gen.OneOf("", "cockpit", "adas"), Gen.OneOf("", "ecu1", "ecu2"), (fleet, node) => new AccessTarget("local", fleet, node));

    private static readonly Gen<AccessRule> GenRule = Gen.Select(
        Gen.Enum<AccessEffect>(), Gen.OneOf("*", "list", "get"), Gen.OneOf("*", AccessResource.Nodes, AccessResource.Fleets),
        Gen.OneOf(Gen.Const<string[]>([]), Gen.Const<string[]>(["cockpit"])), Gen.OneOf(Gen.Const<string[]>([]), Gen.Const<string[]>(["ecu1"]), Gen.Const<string[]>(["ecu*"])),
        (effect, verb, resource, fleets, nodes) => Rule(effect, [verb], [resource], new([], [.. fleets], [.. nodes], null, [])));

    private static AccessRule Rule(AccessEffect effect, ImmutableArray<string> verbs, ImmutableArray<string> resources, AccessScope? scope = null) =>
        new(effect, verbs, resources, scope ?? AccessScope.Everything);

    private static ImmutableArray<string> Names(string name) => name.Length == 0 ? [] : [name];

    private static LabelSelector Selector(string text) => LabelSelector.TryParse(text, out var selector, out _) ? selector : throw new ArgumentException(text);
}
