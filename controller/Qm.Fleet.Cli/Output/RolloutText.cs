using System.Globalization;
using Qm.Fleet.V1;
using static Qm.Fleet.V1.RolloutMember.Types;

namespace Qm.Fleet.Cli.Output;

/// <summary>What holds a rollout up, for people: what waits together is told together.</summary>
internal static class RolloutText
{
    private const int MaxNames = 4;

    internal static async Task WriteAsync(TextWriter writer, RolloutExplanation explanation, DateTimeOffset now)
    {
        await writer.WriteLineAsync(PlainText.Of($"Rollout {explanation.Rollout}{Batch(explanation)}: {explanation.Summary}"));
        if (explanation.PausedBy.Length > 0)
        {
            await writer.WriteLineAsync(PlainText.Of($"  {explanation.PausedBy}; qmfleet rollout resume {explanation.Rollout.Split('/')[0]}"));
        }

        foreach (var group in explanation.Members.Where(member => member.Hold is not null).GroupBy(member => (member.Hold.Gate, member.Hold.Reason, member.Hold.Release)))
        {
            var first = group.MinBy(member => member.Hold.Since)!.Hold;
            await writer.WriteLineAsync(PlainText.Of($"  {Names(group),-8} {first.Gate}, for {Durations.Since(first.Since, now)}: {first.Reason}"));
            await writer.WriteLineAsync(PlainText.Of($"  {"",-8} {(first.Never ? "It can never end as things are; what helps" : "Would release it")}: {first.Release}{Until(first, now)}"));
        }

        foreach (var member in explanation.Members.Where(member => member.Failure.Length > 0))
        {
            var where = member.State == State.Returned && member.BaseRevision.Length > 0 ? $"; it has {member.BaseRevision} again" : "";
            await writer.WriteLineAsync(PlainText.Of($"  {member.Node,-8} failed: {member.Failure}{where}"));
        }

        await writer.WriteLineAsync("  " + string.Join(", ", explanation.Members.CountBy(member => member.State).OrderByDescending(state => state.Value)
            .Select(state => string.Create(CultureInfo.InvariantCulture, $"{state.Value} {state.Key.ToString().ToLowerInvariant()}"))));
    }

    private static string Batch(RolloutExplanation explanation) =>
        explanation.Batch >= 1 && explanation.Batch <= explanation.Batches && explanation.Batches > 1
            ? string.Create(CultureInfo.InvariantCulture, $" is in batch {explanation.Batch} of {explanation.Batches}") : "";

    private static string Until(RolloutHold hold, DateTimeOffset now) => hold.Until is { } until ? $" (at the latest in {Durations.Show(until.ToDateTimeOffset() - now)})" : "";

    private static string Names(IEnumerable<RolloutMember> members)
    {
        var names = members.Select(member => member.Node).ToArray();
        return names.Length <= MaxNames ? string.Join(", ", names) : string.Create(CultureInfo.InvariantCulture, $"{string.Join(", ", names.Take(MaxNames))} and {names.Length - MaxNames} more");
    }
}
