using CsCheck;
using Qm.Fleet.Core.Selectors;
using Xunit;

namespace Qm.Fleet.Core.Tests.Selectors;

[Trait("Requirement", "QMF-API-040")]
public sealed class FieldOrderTests
{
    [Theory]
    [InlineData("", "")]
    [InlineData(" ", "")]
    [InlineData("status.step.since desc", "status.step.since desc")]
    [InlineData("a.b desc, c", "a.b desc,c")]
    [InlineData("  a   desc ,\tb asc", "a desc,b")]
    public void TryParse_OrderOfAip132_IsWrittenInOneWay(string text, string canonical)
    {
        Assert.True(FieldOrder.TryParse(text, out var order, out var problems));
        Assert.Empty(problems);
        Assert.Equal(canonical, order.ToString());
    }

    [Theory]
    [InlineData("a,", "a field is missing")]
    [InlineData("a DESC", "stands nothing or desc")]
    [InlineData("a desc desc", "stands nothing or desc")]
    [InlineData("desc desc, a b", "stands nothing or desc")]
    [InlineData("a,b,a desc", "a stands there twice")]
    [InlineData("a-b", "is not a field")]
    [InlineData("a,b,c,d,e", "longer than the 4 fields")]
    public void TryParse_WhatIsNoOrder_SaysWhy(string text, string reason)
    {
        Assert.False(FieldOrder.TryParse(text, out _, out var problems));
        Assert.Contains(reason, Assert.Single(problems), StringComparison.Ordinal);
    }

    [Fact]
    public void TryParse_AnyText_IsAnOrderOrProblemsAndNeverThrows() =>
        Gen.OneOf(Gen.String, Gen.OneOf("a", "desc", "asc", " ", "\t", ",", ".", "_", "-").Array[0, 12].Select(string.Concat)).Sample(text =>
        {
            var parsed = FieldOrder.TryParse(text, out var order, out var problems);

            Assert.Equal(parsed, problems.Count == 0);
            Assert.Equal(parsed, order is not null && FieldOrder.TryParse(order.ToString(), out var again, out _) && again.ToString() == order.ToString());
        });
}
