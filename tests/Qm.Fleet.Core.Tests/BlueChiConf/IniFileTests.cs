using System.Text;
using CsCheck;
using Qm.Fleet.Core.BlueChiConf;
using Xunit;

namespace Qm.Fleet.Core.Tests.BlueChiConf;

[Trait("Requirement", "QMF-LINK-001")]
public sealed class IniFileTests
{
    [Theory]
    [InlineData("NodeName=ecu1", "NodeName=ecu1")]
    [InlineData("NodeName:ecu1", "NodeName=ecu1")]
    [InlineData("  NodeName = ecu 1  \r", "NodeName=ecu 1")]
    [InlineData("#NodeName=ecu1", "")]
    [InlineData(" ;NodeName=ecu1", "")]
    [InlineData("NodeName=ecu1 ; the first", "NodeName=ecu1")]
    [InlineData("NodeName=ecu1;x # y", "NodeName=ecu1;x # y")]
    [InlineData("NodeName=;x", "NodeName=;x")]
    [InlineData("NodeName= ;x", "NodeName=")]
    [InlineData("NodeName=a\nNodeName=b", "NodeName=ab")]
    [InlineData("NodeName=a\n b\n\n\tc ; d\n# e\n f", "NodeName=abcf")]
    [InlineData("ControllerHost=10.0.0.1\n NodeName = ecu1", "ControllerHost=10.0.0.1NodeName = ecu1")]
    [InlineData("NodeName=a\n [other]\nB=1", "B=1,NodeName=a[other]")]
    [InlineData("NodeName=a\n[other]\nNodeName=b\n[bluechi-agent] text\nNodeName=c", "NodeName=ac")]
    [InlineData("[ bluechi-agent ]\nNodeName=a", "")]
    [InlineData("nodename=a\nNodeName=b", "NodeName=b,nodename=a")]
    [InlineData("=a\n= b", "=ab")]
    [InlineData("NodeName=a\0b\nA\0=1\n\0[other]\nB=2", "B=2,NodeName=a", 3)]
    public void Parse_Lines_AreReadAsBlueChiDoes(string lines, string expected, int? errorLine = null)
    {
        var file = IniFile.Parse(Encoding.UTF8.GetBytes("[bluechi-agent]\n" + lines));

        Assert.Equal(expected, Text(file));
        Assert.Equal(errorLine, file.ErrorLine);
    }

    [Theory]
    [InlineData("NodeName", 2)]
    [InlineData("NodeName=a\n[other", 3)]
    [InlineData("A=1\nB ;=2\nC", 3)]
    [InlineData("[x ;y]", 2)]
    public void Parse_DamagedLine_IsToldWithItsNumber(string lines, int number) =>
        Assert.Equal(number, IniFile.Parse(Encoding.UTF8.GetBytes("[bluechi-agent]\n" + lines)).ErrorLine);

    [Theory]
    [InlineData(518, "\n", false)]
    [InlineData(519, "\n", true)]
    [InlineData(519, "", false)]
    [InlineData(520, "", true)]
    public void Parse_Line_HasAtMost519BytesWithItsBreak(int length, string end, bool damaged) =>
        Assert.Equal(damaged, IniFile.Parse(Encoding.UTF8.GetBytes("[s]\nA=" + new string('ä', (length - 2) / 2) + new string('x', length % 2) + end)).ErrorLine is not null);

    [Fact]
    public void Parse_LongNames_AreCutAt49BytesWhereBlueChiCutsThem()
    {
        var (key, section) = (new string('k', 60), new string('s', 60));
        var file = IniFile.Parse(Encoding.UTF8.GetBytes($"[{section}]\n{key}=1\n more\n"));

        Assert.Equal([(key, "1", 2), (key[..49], "more", 3)], file.Section(section[..49]));
    }

    [Fact]
    public void Parse_ByteOrderMark_IsLeftOut() => Assert.Equal("NodeName=a", Text(IniFile.Parse("\uFEFF[bluechi-agent]\nNodeName=a"u8)));

    [Fact]
    public void Parse_AnyBytes_NeverThrowsAndInventsNothing() =>
        Gen.OneOf(Gen.Byte.Array[0, 600], ConfText.File.Select(Encoding.UTF8.GetBytes)).Sample(bytes =>
        {
            var file = IniFile.Parse(bytes);
            var text = Encoding.UTF8.GetString(bytes);
            var settings = file.Section("bluechi-agent").ToArray();

            Assert.All(settings, setting => Assert.InRange(setting.Line, 1, text.Count(character => character == '\n') + 1));
            Assert.True(settings.Sum(setting => Encoding.UTF8.GetByteCount(setting.Value)) <= 3 * bytes.Length, "values are longer than the file");
            Assert.All(settings, setting => Assert.Equal(setting.Value.Trim(), setting.Value.TrimEnd()));
        });

    // What we write is read back as it was meant: that is what the renderer relies on.
    [Fact]
    public void Parse_PlainSettings_AreReadBackAsTheyWereWritten() =>
        Gen.Dictionary(Gen.String[Gen.Char.AlphaNumeric, 1, 40], Gen.String[Gen.Char["abcXYZ019=:,./%[]#\\\"'-_"], 0, 200])[0, 8].Sample(settings =>
        {
            var file = IniFile.Parse(Encoding.UTF8.GetBytes($"# written\n[bluechi-agent]\n{string.Concat(settings.Select(pair => $"{pair.Key}={pair.Value}\n"))}"));

            Assert.Null(file.ErrorLine);
            Assert.Equal(settings, file.Section("bluechi-agent").ToDictionary(setting => setting.Key, setting => setting.Value));
        });

    // A key that stands there again and a line that is indented say the same: more of the value, without anything between.
    [Fact]
    public void Parse_ValueInAnyPieces_IsAllOfThemTogetherUnlessALineIsTooLong() =>
        Gen.Select(Gen.Bool, Gen.String[Gen.Char["abcXYZ019=:,./[]#;\"'-_"], 1, 530]).Array[1, 6].Sample(pieces =>
        {
            var lines = pieces.Select((piece, index) => index > 0 && piece.Item1 ? $" {Plain(piece.Item2)}" : $"A={Plain(piece.Item2)}").ToArray();
            var file = IniFile.Parse(Encoding.UTF8.GetBytes($"[s]\n{string.Join('\n', lines)}\n"));

            // With its break a line is a byte longer.
            var tooLong = Array.FindIndex(lines, line => line.Length + 1 > IniFile.MaxLineBytes);
            Assert.Equal(tooLong < 0 ? null : tooLong + 2, file.ErrorLine);
            if (tooLong < 0)
            {
                Assert.Equal(string.Concat(pieces.Select(piece => Plain(piece.Item2))), Assert.Single(file.Section("s")).Value);
            }

            // A comment at the start of an indented line, which is none of the value.
            static string Plain(string text) => text.TrimStart('#', ';') is { Length: > 0 } rest ? rest : "x";
        });

    private static string Text(IniFile file) => string.Join(
        ',', file.Section("bluechi-agent").OrderBy(setting => setting.Key, StringComparer.Ordinal).Select(setting => $"{setting.Key}={setting.Value}"));
}
