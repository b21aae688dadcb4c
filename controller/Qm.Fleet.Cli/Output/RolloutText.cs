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

        if (explanation.EstimatedEnd is { } end)
        {
            await writer.WriteLineAsync($"  Through in about {Durations.Show(end.ToDateTimeOffset() - now)}, if it goes on as it did so far");
        }
        else if (explanation.Never)
        {
            await writer.WriteLineAsync(PlainText.Of($"  It does not end by itself: {explanation.NoEstimateBecause}"));
        }
        else if (explanation.NoEstimateBecause is { Length: > 0 } because && explanation.Members.Any(member => member.Hold is not null))
        {
            await writer.WriteLineAsync(PlainText.Of($"  Nobody can tell when it will be through: {because}"));
        }

        await WriteBatchesAsync(writer, explanation, now);
        foreach (var group in explanation.Members.Where(member => member.Hold is not null).GroupBy(member => (member.Hold.Gate, member.Hold.Reason, member.Hold.Release)))
        {
            var first = group.MinBy(member => member.Hold.Since)!.Hold;
            var pace = group.Select(member => member.Pace).FirstOrDefault(text => text.Length > 0) is { } slow ? $" ({slow})" : "";
            await writer.WriteLineAsync(PlainText.Of($"  {Names(group),-8} {first.Gate}, for {Durations.Since(first.Since, now)}: {first.Reason}{pace}"));
            await writer.WriteLineAsync(PlainText.Of($"  {"",-8} {(first.Never ? "It does not end by itself; what helps" : "Would release it")}: {first.Release}{Until(first, now)}"));
        }

        foreach (var member in explanation.Members.Where(member => member.Failure.Length > 0))
        {
            var where = member.State == State.Returned && member.BaseRevision.Length > 0 ? $"; it has {member.BaseRevision} again" : "";
            await writer.WriteLineAsync(PlainText.Of($"  {member.Node,-8} failed: {member.Failure}{where}"));
        }

        await writer.WriteLineAsync("  " + string.Join(", ", explanation.Members.CountBy(member => member.State).OrderByDescending(state => state.Value)
            .Select(state => string.Create(CultureInfo.InvariantCulture, $"{state.Value} {state.Key.ToString().ToLowerInvariant()}"))));
    }

    // One batch tells nothing that its nodes do not.
    private static async Task WriteBatchesAsync(TextWriter writer, RolloutExplanation explanation, DateTimeOffset now)
    {
        foreach (var (batch, index) in explanation.BatchStates.Count < 2 ? [] : explanation.BatchStates.Select((batch, index) => (batch, index)))
        {
            var failed = batch.Failed > 0 ? $", {batch.Failed} failed" : "";
            var end = batch.EstimatedEnd is { } at ? $", through in about {Durations.Show(at.ToDateTimeOffset() - now)}" : "";
            var state = explanation.Batch <= index ? $"waits{end}" : $"{batch.Done} of {batch.Nodes} done{failed}{end}";
            await writer.WriteLineAsync(PlainText.Of(string.Create(CultureInfo.InvariantCulture, $"  Batch {index + 1} ({batch.Batch}): {state}")));
        }
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
