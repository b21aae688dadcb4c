using CsCheck;
using Qm.Fleet.Agent.Diagnosis;
using Qm.Fleet.Agent.Revisions;
using Qm.Fleet.V1;

namespace Qm.Fleet.Agent.Tests.Diagnosis;

[Trait("Requirement", "QMF-DIAG-006")]
public sealed class LogTests
{
    private const string Line = """{"__CURSOR":"s=1;i=2","__REALTIME_TIMESTAMP":"1700000000123456","_SYSTEMD_UNIT":"radio.service","SYSLOG_IDENTIFIER":"radio","_PID":"2210","PRIORITY":"3","MESSAGE":"no station"}""";

    [Fact]
    public void Read_AnEntry_IsToldWithItsFieldsAndItsCursor()
    {
        var (entries, cursor) = JournalEntries.Read(Line + "\n", isCut: false);

        var entry = Assert.Single(entries);
        Assert.Equal(("radio.service", "radio", 2210, 3, "no station", "s=1;i=2"), (entry.Unit, entry.Identifier, entry.Pid, entry.Priority, entry.Message, cursor));
        Assert.Equal(1_700_000_000_123_456, (entry.Time.ToDateTime() - DateTime.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond);
    }

    [Theory]
    [InlineData("[72,105,255]", "Hi\uFFFD")]
    [InlineData("null", "(too long to be shown)")]
    [InlineData("[\"one\",\"two\"]", "one two")]
    [InlineData("\"a\\u001b[31mred\\u202eder\"", "a?[31mred?der")]
    [InlineData("\"password=Zr8q2LmVx7TnB4wKc9\"", "password=[redacted]")]
    public void Read_MessagesOfEveryKind_AreMadeFitToLeaveTheNode(string json, string expected)
    {
        var (entries, _) = JournalEntries.Read(Line.Replace("\"no station\"", json, StringComparison.Ordinal), isCut: false);

        Assert.Equal(expected, Assert.Single(entries).Message);
    }

    [Fact]
    public void Read_TextThatIsCut_EndsWithItsLastWholeLine()
    {
        var second = Line.Replace("i=2", "i=3", StringComparison.Ordinal);
        var text = $"{Line}\n{second}\n{second[..40]}";

        var (entries, cursor) = JournalEntries.Read(text, isCut: true);

        Assert.Equal((2, "s=1;i=3"), (entries.Count, cursor));
    }

    [Fact]
    public void Read_Anything_IsReadOrLeftOut() => Gen.String.Sample(static text =>
    {
        var (entries, _) = JournalEntries.Read(text + "\n" + Line, isCut: false);
        return entries.Count >= 1 && entries[^1].Message == "no station";
    });

    [Fact]
    public void Read_AMessageWithoutEnd_IsBounded()
    {
        var (entries, _) = JournalEntries.Read(Line.Replace("no station", new string('x', 100_000), StringComparison.Ordinal), isCut: false);

        Assert.Equal(JournalEntries.MessageMax, Assert.Single(entries).Message.Length);
    }

    [Fact]
    public void Command_OfEveryRequest_HasNothingButValuesOfOptions()
    {
        var host = LogDesk.Command(new ReadLogs { Lines = 50, SinceUnixMs = 1_700_000_000_007 });
        var inQm = LogDesk.Command(new ReadLogs { Lines = 50, InQm = true, Unit = "radio.service", AfterCursor = "s=1;i=2;b=f-0" });

        Assert.Equal(("journalctl", false), (host.Program, host.NeedsOwnUnit));
        Assert.Equal(["--unit=qm.service", "--unit=bluechi-agent.service", "--since=@1700000000.007", "--lines=50"], host.Arguments[4..]);
        Assert.Equal(["exec", "qm", "journalctl"], inQm.Arguments[..3]);
        Assert.Equal(["--unit=radio.service", "--after-cursor=s=1;i=2;b=f-0"], inQm.Arguments[7..]);
    }

    [Theory]
    [InlineData("--flush", 10, "", "InvalidUnit")]
    [InlineData("radio", 10, "", "InvalidUnit")]
    [InlineData("radio*.service", 10, "", "InvalidUnit")]
    [InlineData("", 0, "", "InvalidLogs")]
    [InlineData("", 10_001, "", "InvalidLogs")]
    [InlineData("", 10, "s=1 --vacuum-size=1", "InvalidLogs")]
    public void Command_ThatMakesNoSense_IsRefused(string unit, int lines, string cursor, string reason)
    {
        var error = Assert.Throws<CommandRefusedException>(() => LogDesk.Command(new ReadLogs { Unit = unit, Lines = lines, AfterCursor = cursor }));

        Assert.Equal(reason, error.Reason);
    }
}
