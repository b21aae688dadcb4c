using System.CommandLine;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Output;
using Qm.Fleet.V1;
using static Qm.Fleet.V1.CheckResult.Types;
using Command = System.CommandLine.Command;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>checks: whether QM on a node is as freedom from interference needs it.</summary>
internal static class ChecksVerb
{
    private const string All = "all";
    private const string JUnit = "junit";

    internal static Command Make(GlobalOptions global, CliContext context)
    {
        var node = global.Names.OfNodes(new Argument<string>("node") { Description = "The node's name" });
        var run = new Option<string[]>("--run") { Description = "Run this check's commands on the node now, or all that disturb nothing; may be repeated", HelpName = "name|all" };
        var disturb = new Option<bool>("--disturb") { Description = "Let the named checks run though they could change something where QM is not confined" };
        var output = OutputOptions.OfAnswers(JUnit);
        var command = new Command("checks", """
            Shows whether QM on a node is as freedom from interference needs it. Without --run it shows what the node
            told last, which it finds out all the time without running anything. Exits with 1 when a check fails.

            Examples:
              qmfleet checks ecu9
              qmfleet checks ecu9 --run all -o junit >checks.xml
              qmfleet checks ecu9 --run selinux --disturb
            """) { node, run, disturb };
        output.AddTo(command);
        command.SetAction(async (parsed, ct) =>
        {
            var (name, names) = (parsed.GetValue(node)!, parsed.GetValue(run) ?? []);
            if (names.Contains(All) && names.Length > 1)
            {
                throw new CliException(ExitCode.Invalid, "--run all: stands alone, since it means every check that disturbs nothing");
            }

            if (parsed.GetValue(disturb) && (names.Length == 0 || names.Contains(All)))
            {
                throw new CliException(ExitCode.Invalid, "--disturb: what may disturb a node runs only when named, such as --run selinux --disturb");
            }

            using var connection = global.Connect(parsed, context);
            var results = names.Length == 0
                ? [.. (await connection.Diagnostics.GetChecksAsync(new() { Node = name }, cancellationToken: ct)).Results]
                : await RunAsync(connection, context, new() { Node = name, Names = { names.Where(check => check != All) }, Disturb = parsed.GetValue(disturb) }, ct);
            await WriteAsync(context, name, results, output.FormatOf(parsed));
            if (names.Length == 0 && context.ErrorIsTerminal)
            {
                await context.Error.WriteLineAsync($"Those that need commands: qmfleet checks {name} --run all");
            }

            return results.Any(result => result.Verdict == Verdict.Fail) ? ExitCode.Failed : ExitCode.Done;
        });
        return command;
    }

    private static async Task<IReadOnlyList<CheckResult>> RunAsync(FleetConnection connection, CliContext context, RunChecksRequest request, CancellationToken ct)
    {
        List<CheckResult> results = [];
        using var call = connection.Diagnostics.RunChecks(request, cancellationToken: ct);
        while (await call.ResponseStream.MoveNext(ct))
        {
            var result = call.ResponseStream.Current;
            results.Add(result);
            await context.Error.WriteLineAsync(PlainText.Of($"{result.Id}: {CheckText.Of(result.Verdict)}"));
        }

        return results;
    }

    private static async Task WriteAsync(CliContext context, string node, IReadOnlyList<CheckResult> results, OutputFormat format)
    {
        switch (format)
        {
            case OutputFormat.Table:
                await WriteTableAsync(context, results);
                break;
            case OutputFormat.Other:
                await context.Out.WriteLineAsync(CheckText.JUnit(node, results));
                break;
            default:
                await ApiText.WriteAsync(context.Out, results, isOne: false, format);
                break;
        }
    }

    // What is wrong comes with its sentence below the table, where it is not cut.
    private static async Task WriteTableAsync(CliContext context, IReadOnlyList<CheckResult> results)
    {
        var table = new Table("CHECK", "KIND", "VERDICT", "EXPECTED", "FOUND");
        foreach (var result in results)
        {
            table.Add(result.Id, CheckText.Of(result.Kind), CheckText.Of(result.Verdict), result.Expected, result.Found);
        }

        await table.WriteAsync(context.Out, context.OutWidth);
        foreach (var result in results.Where(result => result.Verdict != Verdict.Pass))
        {
            await context.Out.WriteLineAsync(PlainText.Of($"{result.Id}: {result.Message} ({result.Source})"));
        }
    }
}
