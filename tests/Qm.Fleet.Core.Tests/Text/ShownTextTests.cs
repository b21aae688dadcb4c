using System.Globalization;
using System.Text;
using CsCheck;
using Qm.Fleet.Core.Text;
using Xunit;

namespace Qm.Fleet.Core.Tests.Text;

[Trait("Requirement", "QMF-ATTACK-011")]
public sealed class ShownTextTests
{
    [Theory]
    [InlineData("", "")]
    [InlineData("radio.service", "radio.service")]
    [InlineData("Zündung läuft 日本 🚗", "Zündung läuft 日本 🚗")]
    [InlineData("a\r\nb\tc", "a??b?c")]
    [InlineData("\u001b[31mred", "?[31mred")]
    [InlineData("\u009b31mred", "?31mred")]
    [InlineData("user\u202egnp.exe", "user?gnp.exe")]
    [InlineData("a\u2066b\u2069\u200b\u2028\ufeff", "a?b????")]
    public void Of_Text_ShowsLettersAndMarksTheRest(string text, string shown) => Assert.Equal(shown, ShownText.Of(text));

    [Fact]
    public void Of_HalfACharacter_IsNone() => Assert.Equal("a\uFFFDb", ShownText.Of("a\ud83db"));

    [Theory]
    [InlineData("abcdef", 3, "abc...")]
    [InlineData("ab🚗", 3, "ab...")]
    [InlineData("abc", 3, "abc")]
    public void Of_LongText_IsCutBetweenCharacters(string text, int most, string shown) => Assert.Equal(shown, ShownText.Of(text, most));

    [Fact]
    public void Of_LinesThatMayStay_StayAndNothingElse() => Assert.Equal("a\nb\tc??", ShownText.Of("a\nb\tc\r\u001b", lines: true));

    [Fact]
    public void Of_AnyText_HoldsNothingThatATerminalObeys() => Gen.String.Sample(static text =>
        ShownText.Of(text).EnumerateRunes().All(static rune => Rune.GetUnicodeCategory(rune) is not (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator))
        && ShownText.Of(ShownText.Of(text)) == ShownText.Of(text));
}
