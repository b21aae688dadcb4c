using CsCheck;
using Qm.Fleet.Core.Secrets;
using Xunit;

namespace Qm.Fleet.Core.Tests.Secrets;

[Trait("Requirement", "QMF-THREAT-001")]
public sealed class ForeignTextTests
{
    [Fact]
    public void FitLine_AnyText_IsOneLinePlainAndBounded() => Gen.Select(Gen.String[0, 600], Gen.Int[1, 300]).Sample((text, most) =>
    {
        var fit = ForeignText.FitLine(text, most);

        Assert.InRange(fit.Length, 0, most);
        Assert.DoesNotContain(fit, char.IsControl);
        Assert.Equal(fit, ForeignText.Plain(fit, most));
    });

    [Fact]
    public void Fit_LinesAndTabs_Stay() => Assert.Equal("a\n\tb?c", ForeignText.Fit("a\n\tb\ec", 100));

    [Theory]
    [InlineData("\e[31mred\e[0m", "?[31mred?[0m")]
    [InlineData("a\r\nb", "a??b")]
    [InlineData("left\u202eright\u2066x\u200b", "left?right?x?")]
    [InlineData("x\u2028y\u0085z\ue000", "x?y?z?")]
    public void FitLine_WhatSteersATerminalOrForgesALine_IsMarked(string text, string fit) => Assert.Equal(fit, ForeignText.FitLine(text, 100));

    [Fact]
    public void Fit_SecretBehindTheCut_IsGoneAllTheSame() =>
        Assert.DoesNotContain("hunter", ForeignText.FitLine($"{new string('x', 10)} PASSWORD=hunter2", 30), StringComparison.Ordinal);

    [Fact]
    public void Fit_CutInAPair_HasNoHalfOfIt() => Assert.Equal("xx", ForeignText.FitLine("xx\U0001F4FB", 3));
}
