using Qm.Fleet.Cli.Kinds;
using Qm.Fleet.Cli.Output;
using Qm.Fleet.V1;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>Everything about one node.</summary>
internal static class NodeDescription
{
    /// <param name="writer">Where to.</param>
    /// <param name="node">The node.</param>
    /// <param name="events">Its last events, oldest first.</param>
    /// <param name="now">The time.</param>
    internal static void Write(TextWriter writer, Node node, IEnumerable<Event> events, DateTimeOffset now)
    {
        var status = node.Status ?? new();
        var step = status.Step?.Name is { Length: > 0 } name ? name : "unknown";
        var since = status.Step?.Since is { } when ? $" for {Durations.Since(when, now)}" : "";
        writer.WriteLine(PlainText.Of($"{node.Metadata.Name}   {Description.Sentence(step + since, status.Step?.Message ?? "")}"));
        if (status.Phase is { } phase)
        {
            Description.Field(writer, "Phase", SupervisionText.Phase(phase, now));
        }

        if (status.Supervision?.Quarantine is { } quarantine)
        {
            Description.Field(writer, "Quarantine", $"for {Durations.Since(quarantine.Since, now)}, because {quarantine.Reason}; qmfleet node release {node.Metadata.Name} ends it");
        }

        if (status.Retirement is { } retired)
        {
            Description.Field(writer, "Retired", $"for {Durations.Since(retired.Since, now)}, by {retired.Actor}, because {retired.Reason}; qmfleet node reenroll {node.Metadata.Name} takes it back");
        }

        if (status.Retiring is { } retiring)
        {
            Description.Field(writer, "Retiring", $"for {Durations.Since(retiring.Since, now)}, by {retiring.Actor}, because {retiring.Reason}; qmfleet cancel operation/{OperationKind.Short(retiring.Operation)} calls it off");
        }

        if (status.Reenrolment is { } reenrolment)
        {
            Description.Field(writer, "Enrolment", $"may enrol once more, with another key; {reenrolment.Actor} said so {Durations.Since(reenrolment.Since, now)} ago");
        }

        Description.Field(writer, "Labels", NodeRow.Labels(node.Metadata, ' '));
        Description.Field(writer, "Site", Description.Or(node.Spec?.Site) + (node.Spec?.Cordoned == true ? "   cordoned" : "") + (node.Spec?.Maintenance == true ? "   in maintenance" : ""));
        Description.Field(writer, "Fleet", Description.Or(status.Fleet));
        Description.Field(writer, "Revision", $"{Description.Or(status.Revision)}   wanted {Description.Or(status.DesiredRevision)}{(status.Report?.Confirmed == true ? "   confirmed" : "")}");
        if (Rootfs(status.Report) is { Length: > 0 } rootfs)
        {
            Description.Field(writer, "Rootfs", rootfs);
        }

        Description.Field(writer, "OOM", $"host/qm/nested {NodeRow.Oom(status.Report?.Oom)}{Safety(status.Report?.Oom)}");
        Description.Field(writer, "Memory", $"high/max {NodeRow.Memory(status.Report)}   CPU {NodeRow.Cpu(status.Report)}");
        foreach (var (field, value) in FactsText.Of(status.Report?.Facts, status.Report?.Machine))
        {
            Description.Field(writer, field, value);
        }

        Description.Field(writer, "Reported", status.ReportedAt is { } at
            ? $"{Durations.Since(at, now)} ago{Ago("looked at", status.LookedAt, now)}{Ago("heard", status.HeardAt, now)}" : "never");
        if (status.ConvergedAfter is { } converged)
        {
            Description.Field(writer, "Converged", $"{Durations.Show(converged.ToTimeSpan())} after the last change was accepted");
        }

        Description.Conditions(writer, status.Conditions, now);
        Description.Section(writer, "Last events", events.Reverse().Select(item => (string[])[EventRow.Of(item)[1], item.Reason, item.Unit, item.Message.Split('\n')[0]]));
        Description.Section(writer, "Supervision", SupervisionText.Units(status.Supervision, now));
        Description.Section(writer, "Load shed", (status.Supervision?.Shed ?? []).Select(shed => (string[])[shed.Rule, $"for {Durations.Since(shed.Since, now)}"]));
        Description.Section(writer, "Checks (wanted, found, where)", status.Checks.Select(check => (string[])
            [check.Result.ToString().ToUpperInvariant(), check.Name, check.Wanted, Description.Or(check.Found), Description.Or(check.Source), check.Message]));
        Description.Section(writer, "Probes that do not say healthy", status.Probes.Where(probe => probe.State != ProbeResult.Types.State.Healthy).Select(probe => (string[])
            [probe.State.ToString().ToUpperInvariant(), probe.Unit, probe.Failures == 0 ? "" : FormattableString.Invariant($"{probe.Failures} failed in a row"), probe.Message]));
        Description.Section(writer, $"Usage ({Durations.Since(status.UsageAt, now)} ago)", Usage(status.Usage));
        Description.Section(writer, "Capacity", CapacityText.Rows(status.Capacity) is var capacity && capacity.Any() ? capacity.Prepend(CapacityText.Header) : []);
        Description.Section(writer, "Changed by hand", (status.Report?.Drift ?? []).Select(drift => (string[])[drift.Change.ToString().ToUpperInvariant(), drift.Path]));
        Description.Section(writer, "Files", (status.Report?.Files ?? []).Select(file => (string[])[file.Sha256[..Math.Min(12, file.Sha256.Length)], file.Path]));
        Description.Section(writer, FormattableString.Invariant($"/etc of QM differs from the rootfs in {status.Report?.EtcDifferenceCount} places"),
            (status.Report?.EtcDifferences ?? []).Select(path => (string[])[path]));
        Description.Section(writer, "Could not be read", (status.Report?.Problems ?? []).Concat(status.Report?.Facts?.Unknown ?? []).Concat(status.Usage?.Problems ?? [])
            .Select(problem => (string[])[problem]));
    }

    // A report is sent on change only, so how old it is says nothing of whether it still holds.
    private static string Ago(string what, Google.Protobuf.WellKnownTypes.Timestamp? then, DateTimeOffset now) =>
        then is null ? "" : $"   {what} {Durations.Since(then, now)} ago";

    private static IEnumerable<string[]> Usage(Usage? usage)
    {
        CgroupUsage[] cgroups = [.. usage?.Qm is { } qm ? [qm] : Array.Empty<CgroupUsage>(), .. usage?.Nested ?? []];
        return cgroups.Length == 0 ? [] : cgroups.Select(UsageText.Of).Prepend(UsageText.Header);
    }

    private static string Rootfs(NodeReport? report) => string.Join("   ", ((string?[])
    [
        report?.Rootfs,
        report?.RootfsSlots is { Count: > 0 } slots ? $"slots {string.Join(", ", slots.Select(slot => slot[..Math.Min(12, slot.Length)]))}" : null,
        report?.RootfsFetch switch
        {
            null => null,
            { Phase: RootfsFetch.Types.Phase.Failed } failed => $"fetch failed: {Description.Sentence(failed.Reason, failed.Message)}",
            { TotalBytes: > 0 } fetch => FormattableString.Invariant($"fetch {fetch.Phase} {100 * fetch.DoneBytes / fetch.TotalBytes} %"),
            { } fetch => $"fetch {fetch.Phase}",
        },
    ]).Where(part => !string.IsNullOrEmpty(part)));

    private static string Safety(OomFindings? oom) => string.Concat((oom?.Asil ?? [])
        .Select(unit => FormattableString.Invariant($"   ASIL {unit.Unit} {unit.Score}")).Distinct());
}
