using System.Globalization;
using Google.Protobuf.Collections;
using Qm.Fleet.V1;

namespace Qm.Fleet.Cli.Output;

/// <summary>Plans for people: what changes, in which order, what holds it, what is risky, and what is done on the nodes.</summary>
internal static class PlanText
{
    private const int MaxNames = 4, Heading = 10;

    /// <summary>Writes one plan.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="plan">The plan.</param>
    /// <param name="showDiff">Whether the content of files is shown.</param>
    /// <param name="now">The time.</param>
    internal static async Task WriteAsync(TextWriter writer, FleetPlan plan, bool showDiff, DateTimeOffset now)
    {
        foreach (var line in Lines(plan, showDiff, now))
        {
            await writer.WriteLineAsync(PlainText.Of(line));
        }
    }

    /// <summary>Fields that differ, one a line.</summary>
    internal static IEnumerable<string> Changes(IReadOnlyCollection<FieldChange> changes)
    {
        if (changes.Count == 0)
        {
            yield break;
        }

        var (path, values) = (changes.Max(change => change.Path.Length), changes.Max(change => Values(change).Length));
        foreach (var change in changes)
        {
            yield return $"  environment.{change.Path.PadRight(path)}  {Values(change).PadRight(values)}  {change.Consequence}".TrimEnd();
        }
    }

    /// <summary>Something wrong or risky.</summary>
    internal static string Of(Finding finding) => $"{finding.Rule} {finding.Message}{(finding.Nodes.Count == 0 ? "" : $": {Names(finding.Nodes)}")}";

    private static IEnumerable<string> Lines(FleetPlan plan, bool showDiff, DateTimeOffset now)
    {
        yield return Head(plan);
        // Of a new fleet every field differs; they are all in its manifest.
        foreach (var line in plan.FromRevision.Length == 0 ? [] : Changes(plan.Changes))
        {
            yield return line;
        }

        var sections = new (string Title, IEnumerable<string> Lines)[]
        {
            ("Batches", Batches(plan)),
            ("Capacity", plan.Capacity.Where(kind => kind.Capacity.Memory.Has > 0).Select(kind => $"{CapacityText.Line(kind.Capacity)}: {Names(kind.Nodes)}")),
            ("Held by", plan.Held.Select(hold => Hold(hold, now))),
            ("Left out", plan.Left.Where(left => !plan.Held.Any(held => held.Hold.Equals(left.Hold) && held.Nodes.SequenceEqual(left.Nodes))).Select(hold => Hold(hold, now))),
            ("Ends", Ends(plan, now)),
            ("Errors", Findings(plan, Finding.Types.Severity.Error)),
            ("Warnings", Findings(plan, Finding.Types.Severity.Warning)),
            ("Notes", Findings(plan, Finding.Types.Severity.Info)),
        };
        foreach (var (title, lines) in sections)
        {
            foreach (var (line, index) in lines.Select((line, index) => (line, index)))
            {
                yield return (index == 0 ? title : "").PadRight(Heading) + line;
            }
        }

        foreach (var line in plan.Nodes.Where(node => node.Steps.Count > 0 || node.End != "Ready").SelectMany(node => Node(node, showDiff)))
        {
            yield return line;
        }
    }

    private static string Head(FleetPlan plan)
    {
        var way = plan.FromRevision.Length == 0 ? $"new -> {plan.ToRevision}"
            : plan.FromRevision == plan.ToRevision ? $"{plan.ToRevision} stays" : $"{plan.FromRevision} -> {plan.ToRevision}";
        var changing = plan.Nodes.Where(node => node.Steps.Count > 0).Sum(node => node.Nodes.Count);
        var batches = plan.Batches.Count > 1 ? string.Create(CultureInfo.InvariantCulture, $", in {plan.Batches.Count} batches") : "";
        return string.Create(CultureInfo.InvariantCulture, $"Fleet {plan.Fleet}  {way}    {Count(plan.Matching, "node")} {(plan.Matching == 1 ? "matches" : "match")}, {changing} {(changing == 1 ? "changes" : "change")}{batches}");
    }

    private static IEnumerable<string> Batches(FleetPlan plan)
    {
        if (plan.Batches.Count > 1)
        {
            foreach (var (batch, index) in plan.Batches.Select((batch, index) => (batch, index)))
            {
                yield return string.Create(CultureInfo.InvariantCulture, $"{index + 1}: {batch.Batch}: {(batch.Nodes.Count == 0 ? "no node" : $"{Count(batch.Nodes.Count, "node")}, {Names(batch.Nodes)}")}");
            }
        }

        yield return plan.Pace;
    }

    private static string Hold(PlannedHold hold, DateTimeOffset now)
    {
        var until = hold.Hold.Until is { } end ? $", in {Durations.Show(end.ToDateTimeOffset() - now)} at the latest" : "";
        return $"{hold.Hold.Gate}, {Names(hold.Nodes)}: {hold.Hold.Reason}; {(hold.Hold.Never ? "it does not end by itself, what helps is" : "would be released by")} {hold.Hold.Release}{until}";
    }

    private static IEnumerable<string> Ends(FleetPlan plan, DateTimeOffset now)
    {
        if (plan.EndsNotBefore is null)
        {
            yield return $"not as things are: {plan.Message}";
        }
        else if (plan.EndsNotBefore.ToDateTimeOffset() > now)
        {
            yield return $"not before {Durations.Show(plan.EndsNotBefore.ToDateTimeOffset() - now)} from now, by soaks and windows alone";
        }
    }

    private static IEnumerable<string> Findings(FleetPlan plan, Finding.Types.Severity severity) => plan.Findings.Where(finding => finding.Severity == severity).Select(Of);

    private static IEnumerable<string> Node(NodePlan plan, bool showDiff)
    {
        yield return $"On {plan.Nodes[0]}{(plan.Nodes.Count == 1 ? "" : $", and {(plan.Nodes.Count == 2 ? plan.Nodes[1] : Count(plan.Nodes.Count - 1, "other"))} alike")}";
        foreach (var file in plan.Files)
        {
            yield return $"  {Verb(file.Change),-7} {file.Path}  ({(file.NotShownBecause.Length > 0 ? file.NotShownBecause : string.Create(CultureInfo.InvariantCulture, $"-{file.RemovedLines} +{file.AddedLines}"))})";
            if (showDiff && file.Diff.Length > 0)
            {
                foreach (var line in file.Diff.Split('\n').Skip(2))
                {
                    yield return $"          {line}";
                }
            }
        }

        foreach (var step in plan.Steps)
        {
            foreach (var (call, index) in step.Calls.Select((call, index) => (call, index)))
            {
                yield return $"  {"call",-7} {call}{(index == 0 && step.Disrupts != Disruption.None ? $"   {step.Reason}" : "")}";
            }
        }

        yield return $"  {"then",-7} {plan.End}: {plan.EndReason}";
    }

    private static string Verb(FilePlan.Types.Change change) => change switch
    {
        FilePlan.Types.Change.Added => "write",
        FilePlan.Types.Change.Removed => "remove",
        _ => "change",
    };

    private static string Values(FieldChange change) => $"{Value(change.Before)} -> {Value(change.After)}";

    // A workload itself has no value, only what is in it.
    private static string Value(RepeatedField<string> values) => values.Count == 0 ? "not set" : values.All(value => value.Length == 0) ? "there" : string.Join(", ", values);

    private static string Count(int count, string what) => string.Create(CultureInfo.InvariantCulture, $"{count} {what}{(count == 1 ? "" : "s")}");

    private static string Names(RepeatedField<string> names) =>
        names.Count <= MaxNames ? string.Join(", ", names) : string.Create(CultureInfo.InvariantCulture, $"{string.Join(", ", names.Take(MaxNames))} and {names.Count - MaxNames} more");
}
