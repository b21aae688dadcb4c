using CsCheck;
using Qm.Fleet.Core.Selectors;
using Xunit;

namespace Qm.Fleet.Core.Tests.Selectors;

[Trait("Requirement", "QMF-CORE-003")]
public sealed class LabelSelectorTests
{
    // Few keys and values, so that conditions and labels meet.
    private static readonly Gen<string> Key = Gen.OneOf("zone", "soc", "in", "qm.fleet/vehicle");
    private static readonly Gen<string> Value = Gen.OneOf("", "a", "b", "notin");
    private static readonly Gen<Dictionary<string, string>> Carried = Gen.Dictionary(Key, Value)[0, 4];

    private static readonly Gen<(string Text, Func<IReadOnlyDictionary<string, string>, bool> Holds)> Condition = Gen.OneOf(
        Key.Select<string, (string, Func<IReadOnlyDictionary<string, string>, bool>)>(key => (key, labels => labels.ContainsKey(key))),
        Key.Select<string, (string, Func<IReadOnlyDictionary<string, string>, bool>)>(key => ($"! {key}", labels => !labels.ContainsKey(key))),
        Gen.Select(Key, Gen.OneOf("=", "==", " = "), Value).Select<(string Key, string Sign, string Value), (string, Func<IReadOnlyDictionary<string, string>, bool>)>(
            equality => (equality.Key + equality.Sign + equality.Value, labels => labels.TryGetValue(equality.Key, out var value) && value == equality.Value)),
        Gen.Select(Key, Value).Select<(string Key, string Value), (string, Func<IReadOnlyDictionary<string, string>, bool>)>(
            equality => ($"{equality.Key}!={equality.Value}", labels => !labels.TryGetValue(equality.Key, out var value) || value != equality.Value)),
        Gen.Select(Key, Value.Array[2, 3]).Select<(string Key, string[] Values), (string, Func<IReadOnlyDictionary<string, string>, bool>)>(
            set => ($"{set.Key} in ({string.Join(", ", set.Values)})", labels => labels.TryGetValue(set.Key, out var value) && set.Values.Contains(value))),
        Gen.Select(Key, Value.Array[2, 3]).Select<(string Key, string[] Values), (string, Func<IReadOnlyDictionary<string, string>, bool>)>(
            set => ($"{set.Key}\tnotin({string.Join(',', set.Values)})", labels => !labels.TryGetValue(set.Key, out var value) || !set.Values.Contains(value))));

    [Theory]
    [InlineData("zone=cockpit,soc in (sa8775p,imx95)", "soc in (imx95,sa8775p),zone=cockpit")]
    [InlineData("zone==cockpit", "zone=cockpit")]
    [InlineData("zone in (cockpit)", "zone=cockpit")]
    [InlineData("zone notin (cockpit)", "zone!=cockpit")]
    [InlineData(" ! zone , soc ", "!zone,soc")]
    [InlineData("zone=,soc!=", "soc!=,zone=")]
    [InlineData("zone in (,a)", "zone in (,a)")]
    [InlineData("in in (in)", "in=in")]
    [InlineData("zone,zone", "zone")]
    [InlineData("", "")]
    public void TryParse_SelectorOfKubernetes_IsWrittenInOneWay(string text, string canonical)
    {
        Assert.True(LabelSelector.TryParse(text, out var selector, out var problems));
        Assert.Empty(problems);
        Assert.Equal(canonical, selector.ToString());
    }

    [Theory]
    [InlineData("zone in ()", 1, "hold no value")]
    [InlineData("zone in (a", 1, "expected key in (a,b)")]
    [InlineData("zone on (a)", 1, "expected key in (a,b)")]
    [InlineData("zone=(a)", 1, "expected key in (a,b)")]
    [InlineData("!zone in (a)", 1, "is not a label key")]
    [InlineData("a===b", 1, "is not a label value")]
    [InlineData("a!==b", 1, "is not a label value")]
    [InlineData("a=b=c", 1, "is not a label value")]
    [InlineData("a ! = b", 1, "is not a label key")]
    [InlineData("!a=b", 1, "is not a label key")]
    [InlineData("!", 1, "is not a label key")]
    [InlineData("a>1", 1, "is not a label key")]
    [InlineData("a b", 1, "is not a label key")]
    [InlineData("zone,", 6, "a condition is missing")]
    [InlineData("zone,,soc", 6, "a condition is missing")]
    [InlineData("zone=a, -b=c", 9, "is not a label key")]
    [InlineData("zone=a)", 1, "is not a label value")]
    public void TryParse_WhatKubernetesRefuses_SaysWhereAndWhy(string text, int position, string reason)
    {
        Assert.False(LabelSelector.TryParse(text, out _, out var problems));
        Assert.StartsWith($"at character {position}: ", Assert.Single(problems), StringComparison.Ordinal);
        Assert.Contains(reason, problems[0], StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Requirement", "QMF-CORE-004")]
    public void TryParse_SeveralMistakes_ReportsEachWithItsPlace()
    {
        Assert.False(LabelSelector.TryParse("-a=b,zone=ok,c=_,d in ()", out _, out var problems));

        Assert.Equal([1, 14, 18], problems.Select(problem => int.Parse(problem.Split(' ')[2].TrimEnd(':'), provider: null)));
    }

    [Fact]
    public void TryParse_AnyText_IsASelectorOrProblemsAndNeverThrows() =>
        Gen.OneOf(Gen.String, Gen.OneOf("a", "in", "notin", " ", "\t", "(", ")", ",", "=", "!", "/", ".").Array[0, 12].Select(string.Concat)).Sample(text =>
        {
            var parsed = LabelSelector.TryParse(text, out var selector, out var problems);

            Assert.Equal(parsed, problems.Count == 0);
            Assert.Equal(parsed, selector is not null);
        });

    [Fact]
    public void ToString_AnySelector_IsReadBackAsTheSame() =>
        Condition.Array[0, 4].Sample(conditions =>
        {
            var selector = Parse(string.Join(',', conditions.Select(condition => condition.Text)));

            Assert.Equal(selector, Parse(selector.ToString()));
            Assert.Equal(selector.ToString(), Parse(selector.ToString()).ToString());
            Assert.Equal(selector.GetHashCode(), Parse(selector.ToString()).GetHashCode());
        });

    [Fact]
    public void Matches_AnyConditionsAndLabels_IsWhetherEachHolds() =>
        Gen.Select(Condition.Array[0, 3], Carried).Sample((conditions, labels) =>
            Assert.Equal(
                conditions.All(condition => condition.Holds(labels)),
                Parse(string.Join(',', conditions.Select(condition => condition.Text))).Matches(labels)));

    [Fact]
    public void TryParse_ConditionsInAnyOrder_AreTheSameSelector() =>
        Condition.Array[0, 4].SelectMany(conditions => Gen.Shuffle(conditions).Select(shuffled => (conditions, shuffled))).Sample((conditions, shuffled) =>
            Assert.Equal(
                Parse(string.Join(',', conditions.Select(condition => condition.Text))),
                Parse(string.Join(',', shuffled.Select(condition => condition.Text)))));

    private static LabelSelector Parse(string text) =>
        LabelSelector.TryParse(text, out var selector, out var problems) ? selector : throw new ArgumentException(string.Join('\n', problems), nameof(text));
}
