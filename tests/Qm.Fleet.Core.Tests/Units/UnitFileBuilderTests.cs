using CsCheck;
using Qm.Fleet.Core.Units;
using Xunit;

namespace Qm.Fleet.Core.Tests.Units;

[Trait("Requirement", "QMF-CORE-001")]
public sealed class UnitFileBuilderTests
{
    private static readonly Gen<string> Name = Gen.String[Gen.Char.AlphaNumeric, 1, 8];

    // Everything a value may hold: no control character, no backslash at the end, no blanks around it.
    private static readonly Gen<string> Value = Gen.String[Gen.Char, 0, 12]
        .Select(text => string.Concat(text.Where(character => !char.IsControl(character))).TrimEnd('\\').Trim(' ').TrimEnd('\\'));

    [Fact]
    public void ToString_SectionsAndRepeatedKeys_IsStableText()
    {
        var text = new UnitFileBuilder("Written by a test")
            .Add("Service", "MemoryHigh", "2G").Add("Container", "Volume", "/a:/a").Add("Service", "Environment", "").Add("Container", "Volume", "/b:/b")
            .ToString();

        Assert.Equal("# Written by a test\n\n[Service]\nMemoryHigh=2G\nEnvironment=\n\n[Container]\nVolume=/a:/a\nVolume=/b:/b\n", text);
    }

    [Fact]
    public void ToString_AnyAssignments_AreReadBackAsTheyWereAdded() =>
        Gen.Select(Name, Name, Value).Array[0, 12].Sample(added =>
        {
            var builder = new UnitFileBuilder("header");
            foreach (var (section, key, value) in added)
            {
                builder.Add(section, key, value);
            }

            var file = UnitFile.Parse(builder.ToString(), "x");

            Assert.Empty(file.Problems);
            Assert.Equal(
                added.GroupBy(entry => entry.Item1).SelectMany(section => section),
                file.Entries.Select(entry => (entry.Section, entry.Key, entry.Value)));
        });

    [Theory]
    [InlineData("Service", "Nice", "1\nExecStart=/bin/sh")]
    [InlineData("Service", "Nice", "1\r")]
    [InlineData("Service", "Nice", "1\0")]
    [InlineData("Service", "Nice", "1\\")]
    [InlineData("Service", "Nice", "1\\\\")]
    [InlineData("Service", "Nice\n", "1")]
    [InlineData("Service", "Ni=ce", "1")]
    [InlineData("Service", " Nice", "1")]
    [InlineData("Service", "#Nice", "1")]
    [InlineData("Service", "[Nice", "1")]
    [InlineData("Service", "", "1")]
    [InlineData("", "Nice", "1")]
    [InlineData("Service]\n[Unit", "Nice", "1")]
    [InlineData("Ser]vice", "Nice", "1")]
    public void Add_WhatWouldChangeOtherLines_Throws(string section, string key, string value) =>
        Assert.Throws<ArgumentException>(() => new UnitFileBuilder("header").Add(section, key, value));

    [Fact]
    public void New_HeaderOfTwoLines_Throws() => Assert.Throws<ArgumentException>(() => new UnitFileBuilder("header\n[Service]"));
}
