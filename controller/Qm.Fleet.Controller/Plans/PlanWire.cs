using Google.Protobuf.WellKnownTypes;
using Qm.Fleet.Controller.Api;
using Qm.Fleet.Controller.Wire;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Plans;
using Qm.Fleet.Core.Rollouts;
using Qm.Fleet.Core.Secrets;

namespace Qm.Fleet.Controller.Plans;

/// <summary>Plans as wire messages.</summary>
internal static class PlanWire
{
    public static V1.FleetPlan ToWire(this FleetPlan plan, FleetSpec fleet, V1.ApplyResult result)
    {
        var wire = new V1.FleetPlan
        {
            Fleet = fleet.Name,
            Result = result,
            FromRevision = plan.From,
            ToRevision = plan.To,
            EndsNotBefore = plan.Rollout.EndsAt?.ToTimestamp(),
            Message = plan.Rollout.Message,
            Pace = fleet.Rollout.Pace,
            Matching = plan.Nodes.Sum(node => node.Nodes.Length),
        };
        wire.Changes.AddRange(plan.Changes.Select(ToWire));
        wire.Batches.AddRange(fleet.Rollout.Batches.Zip(plan.Rollout.Batches, (batch, nodes) => new V1.PlannedBatch { Batch = batch.ToString(), Nodes = { nodes } }));
        wire.Held.AddRange(ToWire(plan.Rollout.Held));
        wire.Left.AddRange(ToWire(plan.Rollout.Left));
        wire.Nodes.AddRange(plan.Nodes.Select(ToWire));
        wire.Findings.AddRange(plan.Findings.Select(ToWire));
        // Where nobody says what is kept, the findings tell what does not fit.
        wire.Capacity.AddRange(plan.Capacity.Where(_ => fleet.AsilReserve is not null).Select(kind => new V1.PlannedCapacity { Nodes = { kind.Nodes }, Capacity = Capacities.ToWire(kind.Capacity) }));
        return wire;
    }

    public static V1.FieldChange ToWire(this FieldChange change) => new()
    {
        Path = change.Path,
        Before = { change.Before },
        After = { change.After },
        Disrupts = (V1.Disruption)change.Effect,
        Consequence = change.Consequence,
    };

    public static V1.Finding ToWire(this Finding finding) => new()
    {
        Rule = finding.Rule,
        Severity = (V1.Finding.Types.Severity)finding.Severity,
        Path = finding.Path,
        Nodes = { finding.Nodes },
        Message = Redactor.RedactSentence(finding.Message),
    };

    private static IEnumerable<V1.PlannedHold> ToWire(IEnumerable<KeyValuePair<string, RolloutHold>> holds) => holds
        .GroupBy(hold => hold.Value, hold => hold.Key)
        .Select(group => new V1.PlannedHold { Nodes = { group }, Hold = group.Key.ToWire() });

    private static V1.NodePlan ToWire(NodePlan plan)
    {
        var wire = new V1.NodePlan { Nodes = { plan.Nodes }, End = plan.End.Name, EndReason = Redactor.RedactSentence(plan.End.Reason), Disrupts = (V1.Disruption)plan.Disrupts };
        wire.Files.AddRange(plan.Files.Select(ToWire));
        wire.Steps.AddRange(plan.Steps.Select(step => new V1.PlannedStep
        {
            Act = step.Act,
            Reason = Redactor.RedactSentence(step.Reason),
            Disrupts = (V1.Disruption)step.Disrupts,
            Calls = { step.Calls.Select(call => call.ToString()) },
        }));
        return wire;
    }

    private static V1.FilePlan ToWire(FilePlan file)
    {
        var wire = new V1.FilePlan
        {
            Path = file.Path,
            Change = file switch
            {
                { After: null } => V1.FilePlan.Types.Change.Removed,
                { Before: "" } => V1.FilePlan.Types.Change.Added,
                _ => V1.FilePlan.Types.Change.Edited,
            },
        };
        if (file.Before is null)
        {
            wire.NotShownBecause = "what is there now is not what QM Fleet last wrote there";
            return wire;
        }

        var lines = UnifiedDiff.Lines(file.Before, file.After ?? "", $"now{file.Path}", $"then{file.Path}");
        (wire.AddedLines, wire.RemovedLines) = (lines.Skip(2).Count(line => line.StartsWith('+')), lines.Skip(2).Count(line => line.StartsWith('-')));
        wire.Diff = Redactor.Redact(string.Join('\n', lines)).Text;
        return wire;
    }
}
