using System.Globalization;
using Qm.Fleet.Cli.Output;
using Qm.Fleet.V1;
using Xunit;

namespace Qm.Fleet.Cli.Tests.Output;

[Trait("Requirement", "QMF-ATTACK-011")]
public sealed class PlainTextTests
{
    private const string Evil = "a\u001b[2Jb\u009b31mc\u202ed\r\u2066e\u2028f";

    [Fact]
    public void Of_WhatANodeWrote_IsShownAndNotObeyed()
    {
        Assert.Equal("a?[2Jb?31mc?d??e?f", PlainText.Of(Evil));
        Assert.Equal("a\nb?", PlainText.Lines("a\nb\u001b"));
    }

    [Fact]
    public void Json_OfWhatANodeWrote_IsTheSameTextAndHarmless()
    {
        var answer = new Event { Message = Evil };

        var json = ApiText.Json([answer], isOne: true);

        Assert.DoesNotContain(json.Replace("\n", "", StringComparison.Ordinal), static letter => char.GetUnicodeCategory(letter) is UnicodeCategory.Control or UnicodeCategory.Format);
        Assert.Equal(Evil, Event.Parser.ParseJson(json).Message);
    }
}
