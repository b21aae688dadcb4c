using Qm.Fleet.Controller.Reconcile;
using Qm.Fleet.Controller.Storage;

namespace Qm.Fleet.Controller.Tests.Reconcile;

[Trait("Requirement", "QMF-LIMIT-005")]
public sealed class NodeEventPaceTests
{
    private static readonly DateTimeOffset Start = new(2026, 11, 28, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Admit_MoreThanABreakdownHas_LeavesTheRestOutAndSaysHowMany()
    {
        var pace = new NodeEventPace("ecu1");
        var burst = (int)NodeEventPace.Most.Burst;

        Assert.Equal(Some(burst), pace.Admit(Some(burst), Start));
        Assert.Empty(pace.Admit(Some(700), Start));
        var later = pace.Admit(Some(3), Start + TimeSpan.FromSeconds(2)).ToArray();

        Assert.Equal([NodeEventPace.Reason, "OomOrderBroken", "OomOrderBroken"], later.Select(static draft => draft.Reason));
        Assert.Equal(("ecu1", "cockpit"), (later[0].Node, later[0].Fleet));
        Assert.StartsWith("700 events of ecu1 since 2026-11-28 12:00:00Z were left out", later[0].Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Admit_NoFasterThanItsPace_IsAllTold()
    {
        var (pace, told) = (new NodeEventPace("ecu1"), 0);
        for (var second = 0; second < 2_000; second++)
        {
            told += pace.Admit(Some(1), Start + TimeSpan.FromSeconds(second)).Count();
        }

        Assert.Equal(2_000, told);
    }

    private static EventDraft[] Some(int count) => [.. Enumerable.Range(0, count).Select(static number => new EventDraft("OomOrderBroken", EventSeverity.Critical, EventDraft.Controller, "cockpit", "ecu1", $"u{number}", ""))];
}
