using CsCheck;
using Qm.Fleet.Core.Audit;
using Xunit;

namespace Qm.Fleet.Core.Tests.Audit;

[Trait("Requirement", "QMF-AUDIT-001")]
public sealed class AuditChainTests
{
    private static readonly Gen<AuditRecord> AnyRecord = Gen.Select(
        Gen.Int[1, 4], Gen.OneOf(Gen.Const("FleetCreated"), Gen.String), Gen.String, Gen.OneOf(Gen.Const(""), Gen.String), Gen.String,
        static (severity, reason, message, node, after) =>
            new AuditRecord(0, 1772366400, 0, severity, reason, "admin:ann", "", node, "", message, AuditDetails.None with { After = after }));

    private static readonly Gen<Link[]> AnyLog = AnyRecord.Array[2, 12].Select(Chained);

    [Fact]
    public void Walk_AnyLog_HoldsAndEndsAtItsLast() => AnyLog.Sample(static log =>
    {
        var (wrong, end) = Walk(log, null);
        return wrong is null && end.Equals(log[^1].ToLink());
    });

    [Fact]
    public void Walk_AnyFieldOfAnyEventAltered_NamesThatEvent() => Gen.Select(AnyLog, Gen.Int[0, 11], Gen.Int[0, 11]).Sample(static (log, place, field) =>
    {
        place %= log.Length;
        log[place] = log[place] with { Record = Alter(log[place].Record, field) };
        return Walk(log, null).Wrong is { Fault: AuditFault.Altered } wrong && wrong.Number == place + 1;
    });

    [Fact]
    public void Walk_AlteredWithAHashOfItsOwn_NamesTheNext() => Gen.Select(AnyLog, Gen.Int[0, 11], Gen.Int[0, 11]).Sample(static (log, place, field) =>
    {
        place %= log.Length - 1;
        var record = Alter(log[place].Record, field);
        log[place] = new(record, record.Hash(place == 0 ? new byte[AuditRecord.HashLength] : log[place - 1].Hash));
        return Walk(log, null).Wrong is { Fault: AuditFault.Altered } wrong && wrong.Number == place + 2;
    });

    [Fact]
    public void Walk_OneRemoved_NamesIt() => Gen.Select(AnyLog, Gen.Int[0, 11]).Sample(static (log, place) =>
    {
        place %= log.Length - 1;
        return Walk([.. log[..place], .. log[(place + 1)..]], null).Wrong is { Fault: AuditFault.Missing } wrong && wrong.Number == place + 1;
    });

    [Fact]
    public void Walk_TwoSwapped_NamesTheFirst() => Gen.Select(AnyLog, Gen.Int[0, 11]).Sample(static (log, place) =>
    {
        place %= log.Length - 1;
        (log[place], log[place + 1]) = (log[place + 1], log[place]);
        return Walk(log, null).Wrong is { Fault: AuditFault.Missing } wrong && wrong.Number == place + 1;
    });

    [Fact]
    public void Walk_TailRemoved_IsToldToWhoRemembersTheEnd() => Gen.Select(AnyLog, Gen.Int[0, 11]).Sample(static (log, place) =>
    {
        place %= log.Length;
        var wrong = Walk(log[..place], log[^1].ToLink()).Wrong;
        return Walk(log[..place], null).Wrong is null && wrong is { Fault: AuditFault.EndGone } && wrong.Number == place + 1;
    });

    [Fact]
    public void Walk_AllMadeAnew_IsToldToWhoRemembersAnEvent() => Gen.Select(AnyLog, Gen.Int[0, 11]).Sample(static (log, place) =>
    {
        place %= log.Length;
        var anew = Chained([.. log.Select((link, at) => at == 0 ? Alter(link.Record, 0) : link.Record)]);
        return Walk(anew, null).Wrong is null && Walk(anew, log[place].ToLink()).Wrong is { Fault: AuditFault.EndGone } wrong && wrong.Number == place + 1;
    });

    [Fact]
    public void Walk_FromBehindARememberedEvent_HoldsAndNotFromBehindAnother() => Gen.Select(AnyLog, Gen.Int[0, 11]).Sample(static (log, place) =>
    {
        place %= log.Length - 1;
        return Walk(log[(place + 1)..], log[place].ToLink()) is (null, var end) && end.Equals(log[^1].ToLink())
            && Walk(log[(place + 1)..], new(place + 1, [.. new byte[AuditRecord.HashLength]])).Wrong is { Fault: AuditFault.Altered } wrong && wrong.Number == place + 2;
    });

    [Theory]
    [InlineData("")]
    [InlineData("7")]
    [InlineData("0:0000000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("-7:0000000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("7:00000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("7:A000000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("7:g000000000000000000000000000000000000000000000000000000000000000")]
    public void Parse_WhatIsNoEnd_IsNone(string text) => Assert.Null(AuditLink.Parse(text));

    [Fact]
    public void Parse_WhatToStringWrote_IsTheSame() => AnyLog.Sample(static log => log[0].ToLink().Equals(AuditLink.Parse($"{log[0].ToLink()}")));

    private static (AuditBreak? Wrong, AuditLink End) Walk(Link[] log, AuditLink? remembered)
    {
        var chain = new AuditChain(remembered);
        foreach (var link in log)
        {
            if (chain.Take(link.Record, link.Hash) is { } wrong)
            {
                return (wrong, chain.End);
            }
        }

        return (chain.Finish(), chain.End);
    }

    private static Link[] Chained(AuditRecord[] records)
    {
        var previous = new byte[AuditRecord.HashLength];
        return [.. records.Select((record, at) => record with { Number = at + 1 }).Select(record => new Link(record, previous = record.Hash(previous)))];
    }

    private static AuditRecord Alter(AuditRecord record, int field) => field switch
    {
        0 => record with { Seconds = record.Seconds + 1 },
        1 => record with { Nanos = record.Nanos + 1 },
        2 => record with { Severity = record.Severity + 1 },
        3 => record with { Reason = record.Reason + "x" },
        4 => record with { Actor = "" },
        5 => record with { Fleet = "x" },
        6 => record with { Node = "x" + record.Node },
        7 => record with { Unit = "x" },
        8 => record with { Message = record.Message + " " },
        9 => record with { Details = record.Details with { Source = "x" } },
        10 => record with { Details = record.Details with { RequestId = "x" } },
        _ => record with { Details = record.Details with { Before = record.Details.After, After = record.Details.Before + "x" } },
    };

    private sealed record Link(AuditRecord Record, byte[] Hash)
    {
        public AuditLink ToLink() => new(Record.Number, [.. Hash]);
    }
}
