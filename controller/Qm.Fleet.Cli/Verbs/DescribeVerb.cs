using System.CommandLine;
using System.Globalization;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Output;
using Qm.Fleet.V1;
using Command = System.CommandLine.Command;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>describe: everything about one resource, for a person.</summary>
internal static class DescribeVerb
{
    internal static Command Make(GlobalOptions global, CliContext context)
    {
        var resource = new Argument<string>("KIND") { Description = "node or fleet; KIND/NAME works, too" };
        var name = new Argument<string?>("NAME") { Description = "Which one", Arity = ArgumentArity.ZeroOrOne };
        var command = new Command("describe", """
            Shows everything about one node or fleet.

            Examples:
              qmfleet describe node ecu1
              qmfleet describe fleet/cockpit
            """) { resource, name };
        command.SetAction(async (parsed, ct) =>
        {
            var (kind, which) = Resources.Parse(parsed.GetValue(resource)!, parsed.GetValue(name));
            if (which is null)
            {
                throw new CliException(ExitCode.Invalid, $"describe {kind}: which one? qmfleet get {kind}s lists them");
            }

            using var connection = global.Connect(parsed, context);
            switch (kind)
            {
                case Resources.Node:
                    await WriteAsync(context, await connection.Nodes.GetAsync(new() { Name = which }, cancellationToken: ct));
                    break;
                case Resources.Fleet:
                    await WriteAsync(context, await connection.Fleets.GetAsync(new() { Name = which }, cancellationToken: ct));
                    break;
                default:
                    throw new CliException(ExitCode.Invalid, $"describe {kind}: only nodes and fleets can be described; try qmfleet get {kind}s -o yaml");
            }

            return ExitCode.Done;
        });
        return command;
    }

    private static async Task WriteAsync(CliContext context, Node node)
    {
        var now = context.Time.GetUtcNow();
        var status = node.Status ?? new();
        var since = status.Step?.Since is { } when ? $" for {Durations.Show(now - when.ToDateTimeOffset())}" : "";
        await context.Out.WriteLineAsync($"{node.Metadata.Name}   {status.Step?.Name ?? "unknown"}{since}: {status.Step?.Message}");
        await FieldAsync(context, "Labels", Labels(node.Metadata));
        await FieldAsync(context, "Fleet", status.Fleet.Length > 0 ? status.Fleet : "-");
        await FieldAsync(context, "Revision", $"{Or(status.Revision)}   wanted {Or(status.DesiredRevision)}{(status.Report?.Confirmed == true ? "   confirmed" : "")}");
        await FieldAsync(context, "OOM", $"host/qm/nested {NodeRow.Oom(status.Report?.Oom)}");
        await FieldAsync(context, "Reported", status.ReportedAt is { } at ? $"{Durations.Show(now - at.ToDateTimeOffset())} ago" : "never");
        await SectionAsync(context, "Conditions", status.Conditions.Select(condition => ConditionLine(condition, now)));
        await SectionAsync(context, "Checks (wanted, found, where)", status.Checks.Select(check => string.Create(CultureInfo.InvariantCulture,
            $"{check.Result.ToString().ToUpperInvariant(),-10}  {check.Name,-28}  {check.Wanted,-10}  {Or(check.Found),-10}  {check.Source}{Because(check.Message)}")));
        await SectionAsync(context, "Files", (status.Report?.Files ?? []).Select(file => $"{file.Sha256[..Math.Min(12, file.Sha256.Length)]}  {file.Path}"));
        await SectionAsync(context, "Could not be read", status.Report?.Problems ?? []);
    }

    private static async Task WriteAsync(CliContext context, V1.Fleet fleet)
    {
        var now = context.Time.GetUtcNow();
        var status = fleet.Status ?? new();
        await context.Out.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"{fleet.Metadata.Name}   {status.Ready} of {status.Nodes} nodes ready with revision {Or(status.Revision)}"));
        await FieldAsync(context, "Labels", Labels(fleet.Metadata));
        await FieldAsync(context, "Selector", fleet.Spec.Selector);
        await FieldAsync(context, "Generation", fleet.Metadata.Generation.ToString(CultureInfo.InvariantCulture));
        await FieldAsync(context, "Rollout", status.Rollout is { } rollout ? $"{rollout.Name} {rollout.Phase}: {rollout.Message}" : "none yet");
        await SectionAsync(context, "Conditions", status.Conditions.Select(condition => ConditionLine(condition, now)));
    }

    private static string ConditionLine(Condition condition, DateTimeOffset now) => string.Create(CultureInfo.InvariantCulture,
        $"{condition.Type,-20}  {condition.Status,-8}  {(condition.Since is { } since ? Durations.Show(now - since.ToDateTimeOffset()) : "-"),-10}  {condition.Reason}: {condition.Message}");

    private static Task FieldAsync(CliContext context, string name, string value) => context.Out.WriteLineAsync($"{name,-12} {value}");

    private static async Task SectionAsync(CliContext context, string title, IEnumerable<string> lines)
    {
        var all = lines.ToArray();
        if (all.Length == 0)
        {
            return;
        }

        await context.Out.WriteLineAsync(title);
        foreach (var line in all)
        {
            await context.Out.WriteLineAsync("  " + line.TrimEnd());
        }
    }

    private static string Labels(Metadata metadata) =>
        Or(string.Join(' ', metadata.Labels.OrderBy(label => label.Key, StringComparer.Ordinal).Select(label => $"{label.Key}={label.Value}")));

    private static string Or(string text) => text.Length > 0 ? text : "-";

    private static string Because(string message) => message.Length > 0 ? $"   {message}" : "";
}
