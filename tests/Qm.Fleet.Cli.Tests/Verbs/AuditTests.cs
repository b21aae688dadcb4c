using Google.Protobuf.WellKnownTypes;
using Qm.Fleet.V1;
using Xunit;

namespace Qm.Fleet.Cli.Tests.Verbs;

[Trait("Requirement", "QMF-AUDIT-004")]
public sealed class AuditTests : CliTest
{
    private int _exported;

    [Fact]
    public async Task Verify_WhatExportPrinted_HoldsWithoutTheServer()
    {
        var file = await ExportedAsync();
        Environment["QMFLEET_SERVER"] = "unix:nobody.sock";

        Assert.Equal(ExitCode.Done, await RunAsync("audit", "verify", "--file", file));

        Assert.Equal($"{End}\n", Printed);
    }

    [Fact]
    public async Task Verify_ExportFromBehindAnEnd_HangsOnThatEnd()
    {
        var first = $"1:{Stored()[0].Hash}";
        var file = await ExportedAsync("--after", "1");

        Assert.Equal(ExitCode.Done, await RunAsync("audit", "verify", "--file", file, "--from", first));
        Assert.Equal($"{End}\n", Printed);
        Assert.Equal(ExitCode.Failed, await RunAsync("audit", "verify", "--file", file));
        Assert.Contains("event 1 is missing: 2 comes in its place", Error.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("altered", "2\n", "event 2 was altered")]
    [InlineData("removed", "2\n", "event 2 is missing: 3 comes in its place")]
    [InlineData("swapped", "2\n", "event 2 is missing: 3 comes in its place")]
    [InlineData("repeated", "3\n", "event 3 is missing: 2 comes a second time")]
    [InlineData("cut", "3\n", "event 3 is gone, and all after it: the log ends at 2, and event 3 is remembered")]
    [InlineData("empty", "1\n", "event 1 is gone, and all after it: the log ends at 0, and event 3 is remembered")]
    public async Task Verify_FileTamperedWith_EndsWithOneAndTheNumber(string how, string number, string reason)
    {
        var lines = await File.ReadAllLinesAsync(await ExportedAsync(), TestContext.Current.CancellationToken);
        lines = how switch
        {
            "altered" => [lines[0], lines[1].Replace("it smokes", "it is fine", StringComparison.Ordinal), lines[2]],
            "removed" => [lines[0], lines[2]],
            "swapped" => [lines[0], lines[2], lines[1]],
            "repeated" => [lines[0], lines[1], lines[1], lines[2]],
            "cut" => lines[..2],
            _ => [],
        };

        var end = await RunAsync("audit", "verify", "--file", Write("tampered.jsonl", string.Join('\n', lines)), "--from", End);

        Assert.Equal((ExitCode.Failed, number), (end, Printed));
        Assert.Contains($"The audit trail does not hold: {reason}", Error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Verify_OnTheServer_AsksWithTheRememberedEndAndTellsItsAnswer()
    {
        Stored();

        Assert.Equal(ExitCode.Done, await RunAsync("audit", "verify", "--from", End));
        Assert.Equal($"{End}\n", Printed);
        Server.Audit.Answer = new() { Fault = VerifyAuditResponse.Types.Fault.EndGone, Number = 3, Reason = "event 3 is gone" };
        Assert.Equal(ExitCode.Failed, await RunAsync("audit", "verify"));

        Assert.Equal($"{End}\n3\n", Printed);
        Assert.Equal("The audit trail does not hold: event 3 is gone.\n", Error.ToString());
        Assert.Equal([new() { Number = 3, Hash = Server.Audit.Stored[2].Hash }, new()], Server.Audit.Verified);
    }

    [Theory]
    [InlineData("{\"number\": \"1\", \"extra\": 1}", "audit.jsonl:1: no event: ")]
    [InlineData("not JSON", "audit.jsonl:1: no event: ")]
    public async Task Verify_LineThatIsNoEvent_SaysWhere(string text, string reason)
    {
        Assert.Equal(ExitCode.Invalid, await RunAsync("audit", "verify", "--file", Write("audit.jsonl", text)));
        Assert.StartsWith(reason, Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Verify_NoSuchFileOrEnd_SaysSo()
    {
        Assert.Equal(ExitCode.Invalid, await RunAsync("audit", "verify", "--file", Files + "nosuch.jsonl"));
        Assert.Equal(ExitCode.Invalid, await RunAsync("audit", "verify", "--from", "3"));

        Assert.Contains("--file nosuch.jsonl: ", Errors, StringComparison.Ordinal);
        Assert.Contains("--from 3: expected NUMBER:HASH", Errors, StringComparison.Ordinal);
    }

    /// <summary>What was printed after the export.</summary>
    private string Printed => Out.ToString()[_exported..];

    private string End => $"3:{Stored()[2].Hash}";

    private async Task<string> ExportedAsync(params string[] options)
    {
        Stored();
        Assert.Equal(ExitCode.Done, await RunAsync(["audit", "export", .. options]));
        var file = Write("audit.jsonl", Out.ToString());
        _exported = Out.ToString().Length;
        return file;
    }

    private List<Event> Stored()
    {
        var stored = Server.Audit.Stored;
        if (stored.Count == 0)
        {
            Server.Audit.Append(Happened("FleetCreated", "Generation 1."));
            Server.Audit.Append(Happened("NodeQuarantined", "It is left alone: it smokes <b>\u2028 jörg"));
            Server.Audit.Append(Happened("FleetDeleted", "Gone."));
        }

        return stored;
    }

    private static Event Happened(string reason, string message) => new()
    {
        Time = new Timestamp { Seconds = 1772366400, Nanos = 123456000 },
        Reason = reason,
        Severity = Event.Types.Severity.Info,
        Actor = "admin:ann",
        Message = message,
        Source = "192.0.2.7:41234",
        Before = "{ \"spec\": { } }",
    };
}
