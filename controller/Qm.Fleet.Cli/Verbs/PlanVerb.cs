using System.CommandLine;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Manifests;
using Qm.Fleet.Cli.Output;
using Qm.Fleet.V1;
using Command = System.CommandLine.Command;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>plan: what an apply would do, before anything happens.</summary>
internal static class PlanVerb
{
    internal static Command Make(GlobalOptions global, CliContext context)
    {
        var files = new Option<string[]>("--filename", "-f") { Description = "A file, a directory, or - for standard input; may repeat", HelpName = "file", Required = true };
        var diff = new Option<bool>("--diff") { Description = "Show how the content of files changes" };
        var output = OutputOptions.OfAnswers();
        var command = new Command("plan", """
            Shows what applying manifests would do, node by node, and changes nothing: the fields that change and what that disrupts, the
            batches, what holds them back, what is risky, and the files and calls on the nodes.

            Examples:
              qmfleet plan -f cockpit.yaml
              qmfleet plan -f nodes.yaml -f cockpit.yaml --diff
              qmfleet plan -f cockpit.yaml -o json
            """) { files, diff };
        output.AddTo(command);
        command.SetAction(async (parsed, ct) =>
        {
            using var connection = global.Connect(parsed, context);
            var manifests = await ManifestSet.ReadAsync(parsed.GetValue(files)!, context.In, ct);
            return await ShowAsync(manifests, new(manifests, connection, null, ct), parsed.GetValue(files)!, output.FormatOf(parsed), parsed.GetValue(diff), context);
        });
        return command;
    }

    /// <summary>Asks for plans and shows them.</summary>
    internal static async Task<int> ShowAsync(ManifestSet manifests, Submission submission, string[] files, OutputFormat format, bool showDiff, CliContext context)
    {
        var plans = manifests.IsValid ? await submission.PlanAsync() : [];
        if (!manifests.IsValid)
        {
            foreach (var line in ProblemReport.Lines(manifests.Files, "nothing was planned"))
            {
                await context.Error.WriteLineAsync(line);
            }

            return ExitCode.Invalid;
        }

        if (format.IsForPeople)
        {
            foreach (var plan in plans)
            {
                await PlanText.WriteAsync(context.Out, plan, showDiff, context.Time.GetUtcNow());
            }

            await context.Error.WriteLineAsync($"Nothing has been changed. Apply with: qmfleet apply {string.Join(' ', files.Select(file => $"-f {file}"))}");
        }
        else
        {
            await ApiText.WriteAsync(context.Out, [.. plans], plans.Count == 1, format);
        }

        return plans.Any(plan => plan.Findings.Any(finding => finding.Severity == Finding.Types.Severity.Error)) ? ExitCode.Invalid : ExitCode.Done;
    }
}
