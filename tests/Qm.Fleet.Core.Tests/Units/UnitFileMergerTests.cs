using CsCheck;
using Qm.Fleet.Core.Units;
using Xunit;

namespace Qm.Fleet.Core.Tests.Units;

[Trait("Requirement", "QMF-CORE-001")]
public sealed class UnitFileMergerTests
{
    // Few keys and values, so that assignments meet; one in three values is empty.
    private static readonly Gen<UnitFile> File = Gen.Select(Gen.OneOf("A", "B"), Gen.OneOf("", "1", "2")).Array[0, 6]
        .Select(Gen.OneOf("a.conf", "b.conf"), (lines, origin) =>
            UnitFile.Parse("[S]\n" + string.Concat(lines.Select(line => $"{line.Item1}={line.Item2}\n")), origin));

    [Fact]
    public void Last_DropIns_TheLastWinsAndSaysWhereItStands()
    {
        var merged = UnitFileMerger.Merge(
            UnitFile.Parse("[Service]\nMemoryHigh=infinity\nCPUWeight=idle\n", "qm.container"),
            [UnitFile.Parse("[Service]\nMemoryHigh=2G\n", "10-a.conf"), UnitFile.Parse("[Service]\n\nMemoryHigh=1536M\n", "50-b.conf")]);

        Assert.Equal(new("Service", "MemoryHigh", "1536M", 3, "50-b.conf"), merged.Last("Service", "MemoryHigh"));
        Assert.Equal("qm.container", merged.Last("Service", "CPUWeight")!.Origin);
        Assert.Null(merged.Last("Container", "MemoryHigh"));
    }

    [Fact]
    public void All_EmptyAssignment_ResetsWhatStandsBeforeItInAnyFile()
    {
        var merged = UnitFileMerger.Merge(
            UnitFile.Parse("[Container]\nDropCapability=sys_boot sys_resource\n", "qm.container"),
            [UnitFile.Parse("[Container]\nDropCapability=\nDropCapability=sys_boot\n", "50-x.conf")]);

        Assert.Equal([("sys_boot", "50-x.conf")], merged.All("Container", "DropCapability").Select(entry => (entry.Value, entry.Origin)));
    }

    [Fact]
    public void Merge_Nothing_IsTheFileItself() =>
        File.Sample(file => Assert.Equal(file.Entries, UnitFileMerger.Merge(file, []).Entries));

    // What a person does by hand: go through the lines, forget everything at an empty one.
    [Fact]
    public void Merge_AnyFiles_IsWhatReadingThemOneAfterTheOtherGives() =>
        Gen.Select(File, File.Array[0, 4]).Sample((main, dropIns) =>
        {
            var merged = UnitFileMerger.Merge(main, dropIns);

            foreach (var key in new[] { "A", "B" })
            {
                var read = new List<string>();
                string? last = null;
                foreach (var value in dropIns.Prepend(main).SelectMany(file => file.Entries).Where(entry => entry.Key == key).Select(entry => entry.Value))
                {
                    last = value.Length == 0 ? null : value;
                    if (value.Length == 0)
                    {
                        read.Clear();
                    }
                    else
                    {
                        read.Add(value);
                    }
                }

                Assert.Equal(read, merged.All("S", key).Select(entry => entry.Value));
                Assert.Equal(last, merged.Last("S", key)?.Value);
            }
        });

    [Fact]
    public void Merge_DropInsInTwoSteps_IsTheSameAsAtOnce() =>
        Gen.Select(File, File.Array[0, 3], File.Array[0, 3]).Sample((main, first, second) =>
        {
            var half = UnitFileMerger.Merge(main, first);

            Assert.Equal(
                UnitFileMerger.Merge(main, [.. first, .. second]).Entries,
                UnitFileMerger.Merge(new UnitFile("half", half.Entries, []), second).Entries);
        });
}
