using Qm.Fleet.Cli.Output;
using Qm.Fleet.V1;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>Everything about one fleet, with the nodes its selector matches.</summary>
internal static class FleetDescription
{
    internal static void Write(TextWriter writer, V1.Fleet fleet, IReadOnlyList<Node> nodes, DateTimeOffset now)
    {
        var status = fleet.Status ?? new();
        writer.WriteLine(FormattableString.Invariant($"{fleet.Metadata.Name}   {status.Ready} of {status.Nodes} nodes ready with revision {Description.Or(status.Revision)}"));
        Description.Field(writer, "Labels", NodeRow.Labels(fleet.Metadata, ' '));
        Description.Field(writer, "Selector", Description.Or(fleet.Spec?.Selector));
        Description.Field(writer, "Generation", FormattableString.Invariant($"{fleet.Metadata.Generation}"));
        Description.Field(writer, "Rollout", status.Rollout is { } rollout
            ? Description.Sentence($"{rollout.Name} {rollout.Phase} for {Durations.Since(rollout.EndedAt ?? rollout.StartedAt, now)}", rollout.Message)
            : "none yet");
        Description.Conditions(writer, status.Conditions, now);
        Description.Section(writer, "Nodes (step, since, revision)", nodes.Select(node => (string[])
        [
            node.Metadata.Name,
            node.Status?.Step?.Name is { Length: > 0 } step ? step : "unknown",
            Durations.Since(node.Status?.Step?.Since, now),
            Description.Or(node.Status?.Revision),
            node.Status?.Step?.Message ?? "",
        ]));
        Description.Section(writer, "Environment", fleet.Spec?.Environment is { } environment
            ? ApiText.Yaml([environment], isOne: true).Split('\n').Select(line => (string[])[line])
            : []);
    }
}
