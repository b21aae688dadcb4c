using System.Text;
using CsCheck;
using Qm.Fleet.Core.OutOfMemory;
using Xunit;

namespace Qm.Fleet.Core.Tests.OutOfMemory;

/// <summary>What the kernel's OOM killer writes, line by line.</summary>
[Trait("Requirement", "QMF-OOM-001")]
public sealed class OomLineTests
{
    [Theory]
    [InlineData("6,1234,5678901,-;Tasks in /x", 1234, true, false, "Tasks in /x")]
    [InlineData("6,1234,5678901,c,caller=T2210;,task=radio", 1234, true, true, ",task=radio")]
    [InlineData("12,7,1,-;systemd[1]: Memory cgroup out of memory", 7, false, false, "systemd[1]: Memory cgroup out of memory")]
    [InlineData(@"3,7,1,-;a\x5cb \xc3\xa9", 7, true, false, @"a\b é")]
    public void Record_AsTheDeviceGivesIt_IsRead(string line, long sequence, bool isKernels, bool continues, string text)
    {
        Assert.True(KmsgRecord.TryParse(line, out var record));
        Assert.Equal((sequence, isKernels, continues, text), (record.Sequence, record.IsKernels, record.Continues, record.Text));
    }

    [Theory]
    [InlineData("")]
    [InlineData(" SUBSYSTEM=acpi")]
    [InlineData("6,1234,5678901;no flag")]
    [InlineData("6,-1,5678901,-;negative")]
    [InlineData("6,99999999999999999999,1,-;too large")]
    public void Record_OfAnotherForm_IsNone(string line) => Assert.False(KmsgRecord.TryParse(line, out _));

    [Fact]
    public void Parse_ChosenForTheLimitOfACgroup_TellsBothCgroups()
    {
        var chosen = Assert.IsType<OomLine.Chosen>(OomLine.Parse(KernelLines.ChosenText(limit: "/qm.service")));
        Assert.Equal((OomCause.Limit, "/qm.service", KernelLines.Radio, 2210, "radio"), (chosen.Cause, chosen.LimitCgroup, chosen.Cgroup, chosen.Pid, chosen.Comm));
    }

    [Fact]
    public void Parse_ChosenForTheMachine_TellsTheVictimsCgroup()
    {
        var chosen = Assert.IsType<OomLine.Chosen>(OomLine.Parse(KernelLines.ChosenText(limit: null)));
        Assert.Equal((OomCause.Machine, "", KernelLines.Radio), (chosen.Cause, chosen.LimitCgroup, chosen.Cgroup));
    }

    // Whoever runs in QM names its processes and cgroups.
    [Theory]
    [InlineData("a,task=brake", "/qm.service/x")]
    [InlineData("a,pid=1,uid=0", "/qm.service/x,task_memcg=/system.slice/brake.service")]
    [InlineData("a", "/qm.service/x,task_memcg=/system.slice/brake.service,task=b,pid=1,uid=0")]
    public void Parse_NamesThatLookLikeTheKernelsWords_TellNoWrongCgroup(string comm, string cgroup)
    {
        var chosen = Assert.IsType<OomLine.Chosen>(OomLine.Parse(KernelLines.ChosenText(cgroup, "/qm.service", comm)));
        Assert.True(chosen.Cgroup.Length == 0 || chosen.Cgroup == cgroup, chosen.Cgroup);
        Assert.True(chosen.Pid is null or 2210);
    }

    [Theory]
    [InlineData("Memory cgroup out of memory: Killed process 22609 (node) total-vm:9923620kB, anon-rss:4116684kB, file-rss:23132kB, shmem-rss:0kB, UID:0 pgtables:10964kB oom_score_adj:969", true, 22609, "node", 969)]
    [InlineData("Out of memory: Killed process 7 (a) b) total-vm:1kB, anon-rss:2kB, file-rss:0kB, shmem-rss:0kB, UID:1000 pgtables:1kB oom_score_adj:-997", false, 7, "a) b", -997)]
    [InlineData("Out of memory (oom_kill_allocating_task): Killed process 7 (x) total-vm:1kB, anon-rss:2kB, file-rss:0kB, shmem-rss:0kB", false, 7, "x", null)]
    public void Parse_Killed_TellsTheProcess(string text, bool ofCgroup, int pid, string comm, int? score)
    {
        var killed = Assert.IsType<OomLine.Killed>(OomLine.Parse(text));
        Assert.Equal((ofCgroup, pid, comm, score), (killed.OfCgroup, killed.Pid, killed.Comm, killed.ScoreAdjust));
    }

    [Theory]
    [InlineData("oom_reaper: reaped process 2210 (radio), now anon-rss:0kB, file-rss:0kB, shmem-rss:0kB")]
    [InlineData("Memory cgroup out of memory: OOM victim 2210 (radio) is already exiting. Skip killing the task")]
    [InlineData("[   2210]     0  2210   131072    18560    53248        0           750 radio")]
    [InlineData("Tasks state (memory values in pages):")]
    [InlineData("Tasks in  are going to be killed")]
    [InlineData("swap: usage 0kB, limit 0kB, failcnt 0")]
    public void Parse_OtherLines_AreNone(string text) => Assert.Null(OomLine.Parse(text));

    [Fact]
    public void Parse_AnyDamagedLine_NeverThrowsAndStaysInItsBounds()
    {
        string[] lines = [KernelLines.ChosenText(), KernelLines.ChosenText(limit: null), .. new KernelLines().Header().Killed().Group().Records.Select(record => record.Text)];
        Gen.Select(Gen.Int[0, lines.Length - 1], Gen.Int[0, 400], Gen.Int[0, 400], Gen.String[0, 40]).Sample((index, from, to, odd) =>
        {
            var line = lines[index];
            var (begin, end) = (Math.Min(from, line.Length), Math.Min(to, line.Length));
            var damaged = line[..begin] + odd + line[end..];
            if (OomLine.Parse(damaged) is OomLine.Killed killed)
            {
                Assert.InRange(killed.ScoreAdjust ?? 0, -1000, 1000);
                Assert.True(killed is { Pid: >= 0, AnonBytes: >= 0, UsedBytes: >= 0 });
            }

            if (KmsgRecord.TryParse($"6,1,1,-;{damaged}", out var record))
            {
                Assert.InRange(record.Text.Length, 0, KmsgRecord.TextMax);
            }
        }, iter: 20_000);
    }

    [Fact]
    public void Record_AnyTextEscapedAsTheKernelDoes_ReadsBack() => Gen.String[Gen.Char[' ', '\u00ff'], 0, 60].Sample(text =>
    {
        var escaped = string.Concat(Encoding.UTF8.GetBytes(text).Select(value => value is < 32 or >= 127 or (byte)'\\' ? $"\\x{value:x2}" : ((char)value).ToString()));
        Assert.True(KmsgRecord.TryParse($"6,1,1,-;{escaped}", out var record));
        Assert.Equal(text, record.Text);
    });
}
