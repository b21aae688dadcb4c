using CsCheck;
using Qm.Fleet.Core.Units;
using Xunit;

namespace Qm.Fleet.Core.Tests.Units;

[Trait("Requirement", "QMF-CORE-001")]
public sealed class UnitFileTests
{
    // Letters that systemd takes for no value of OOMScoreAdjust=, so that it repeats what it read, and everything its grammar knows.
    private static readonly Gen<string> Line = Gen.OneOf("OOMScoreAdjust=", "OOMScoreAdjust = ", "a", "b", " ", "  ", "\t", "\\", "\\", "=", "#", ";", "\n", "\n", "\n\n", "\r\n")
        .Array[0, 12].Select(string.Concat);

    [Fact]
    public void Parse_QuadletWithCommentsAndRepeatedKeys_KeepsEveryAssignmentInOrder()
    {
        var file = UnitFile.Parse(
            """
            # vendor
            [Service]
            Environment = ROOTFS=/usr/lib/qm/rootfs
            ; more
            Environment=RWETCFS=/etc/qm

            [Container]
            ReadOnly=true
            """,
            "qm.container");

        Assert.Equal(
            [
                new("Service", "Environment", "ROOTFS=/usr/lib/qm/rootfs", 3, "qm.container"),
                new("Service", "Environment", "RWETCFS=/etc/qm", 5, "qm.container"),
                new("Container", "ReadOnly", "true", 8, "qm.container"),
            ],
            file.Entries);
        Assert.Empty(file.Problems);
    }

    [Theory]
    [InlineData("A=b \\\n  c", "b    c")]
    [InlineData("A=b\\\n# comment\\\n ; comment\nc", "b c")]
    [InlineData("A=b\\\n\nc=d", "b")]
    [InlineData("A=b\\", "b")]
    [InlineData("A=b\\\\", "b\\\\")]
    [InlineData("A=b\\\\\\\nc", "b\\\\ c")]
    [InlineData("A=b \\ ", "b \\")]
    [InlineData("\tA\t=\tb\t", "b")]
    [InlineData("A=b\u00a0", "b\u00a0")]
    [InlineData("A==b", "=b")]
    [InlineData("A=", "")]
    [InlineData("A=b\r\n", "b")]
    public void Parse_OneAssignment_ReadsTheValueAsSystemdDoes(string assignment, string value)
    {
        var first = UnitFile.Parse($"[Service]\n{assignment}", "x").Entries[0];

        Assert.Equal(("A", value, 2), (first.Key, first.Value, first.Line));
    }

    [Fact]
    public void Parse_ByteOrderMark_IsNoPartOfTheFirstHeader() =>
        Assert.Equal("Service", UnitFile.Parse("\uFEFF[Service]\nNice=1", "x").Entries.Single().Section);

    [Theory]
    [InlineData("Nice=1", "x:1: assignment outside of a section, ignored")]
    [InlineData("[]\nNice=1", "x:2: assignment outside of a section, ignored")]
    [InlineData("[Service]\nNice", "x:2: missing '=', ignored")]
    [InlineData("[Service]\n =1", "x:2: missing key before '=', ignored")]
    public void Parse_LineThatMakesNoSense_IsAProblemWithItsLine(string text, string problem)
    {
        var file = UnitFile.Parse(text, "x");

        Assert.Equal([problem], file.Problems);
        Assert.Empty(file.Entries);
    }

    [Fact]
    public void Parse_HeaderWithoutEnd_IsTheLastThingRead()
    {
        var file = UnitFile.Parse("[Service]\nNice=1\n[Service=2\nNice=3\n", "x");

        Assert.Equal(["1"], file.Entries.Select(entry => entry.Value));
        Assert.Equal(["x:3: section header without ']', nothing below it is read"], file.Problems);
    }

    [Fact]
    public void Parse_AnyText_NeverThrowsAndTrimsWhatItReads() =>
        Gen.OneOf(Gen.String, Line).Sample(text =>
        {
            var file = UnitFile.Parse("[Service]\n" + text, "x");

            Assert.All(file.Entries, entry => Assert.True(entry.Key.Length > 0 && entry.Line > 1 && entry.Value.Trim(' ', '\t') == entry.Value));
        });

    // The machine's systemd repeats every value it cannot use, and says which lines it ignores; both must be what we read.
    [Fact]
    public void Parse_AnyText_ReadsWhatTheRealSystemdReads() =>
        Line.Array[200].Sample(
            lines =>
            {
                var text = "[Service]\n" + string.Join("\n\n", lines);
                var complaints = SystemdAnalyze.Judge(text).Select(complaint => complaint.Message).ToList();

                var file = UnitFile.Parse(text, "x");

                Assert.Equal(
                    complaints.Where(message => message.StartsWith("Failed to parse", StringComparison.Ordinal)).Select(message => message.Split('\'', 2)[1].Split("', ignoring")[0]),
                    file.Entries.Where(entry => entry is { Key: "OOMScoreAdjust", Value.Length: > 0 }).Select(entry => entry.Value));
                Assert.Equal(
                    complaints.Count(message => message.StartsWith("Missing ", StringComparison.Ordinal)),
                    file.Problems.Length);
            },
            iter: 10, threads: 1);
}
