using System.CommandLine;
using System.CommandLine.Parsing;
using Grpc.Core;
using Qm.Fleet.Cli.Completion;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Manual;
using Qm.Fleet.Cli.Output;
using Qm.Fleet.Cli.Verbs;

namespace Qm.Fleet.Cli;

/// <summary>The whole command line: its verbs, and what becomes of errors.</summary>
internal static class CommandLine
{
    /// <summary>What a shell's script calls it with, before the words of the line.</summary>
    private const string Complete = "complete";

    /// <summary>Every verb.</summary>
    internal static RootCommand Make(GlobalOptions global, CliContext context)
    {
        var root = new RootCommand($"Deploys and supervises QM on a fleet of ECUs.\n\n{ExitCode.Help}");
        global.AddTo(root);
        root.Add(ApplyVerb.Make(global, context));
        root.Add(CreateVerb.Make(global, context));
        root.Add(EditVerb.Make(global, context));
        root.Add(GetVerb.Make(global, context));
        root.Add(WatchVerb.Make(global, context));
        root.Add(WaitVerb.Make(global, context));
        root.Add(DescribeVerb.Make(global, context));
        root.Add(PlanVerb.Make(global, context));
        root.Add(DiffVerb.Make(global, context));
        root.Add(LabelVerb.Make(global, context));
        root.Add(RolloutVerb.Make(global, context));
        root.Add(CancelVerb.Make(global, context));
        root.Add(NodeVerb.Make(global, context));
        root.Add(UnitsVerb.Make(global, context));
        foreach (var verb in UnitVerbs.Make(global, context))
        {
            root.Add(verb);
        }

        root.Add(LogsVerb.Make(global, context));
        root.Add(EventsVerb.Make(global, context));
        root.Add(AuditVerb.Make(global, context));
        root.Add(ChecksVerb.Make(global, context));
        root.Add(EffectiveVerb.Make(global, context));
        root.Add(TopVerb.Make(global, context));
        root.Add(BundleVerb.Make(global, context));
        root.Add(ArtifactVerb.Make(global, context));
        root.Add(AuthVerb.Make(global, context));
        root.Add(PkiVerb.Make(global, context));
        root.Add(EnrollmentsVerb.Make(global, context));
        root.Add(JoinTokenVerb.Make(global, context));
        root.Add(DeleteVerb.Make(global, context));
        root.Add(ExplainVerb.Make(global, context));
        root.Add(ConfigVerb.Make(global, context));
        root.Add(CompletionVerb.Make(context));
        root.Add(LabVerb.Make(global, context));
        root.Add(VersionVerb.Make(global, context));
        root.Add(ManVerb.Make(root, context));
        ShortHelp.AddTo(root);
        return root;
    }

    internal static async Task<int> RunAsync(string[] args, CliContext context, CancellationToken ct)
    {
        var global = new GlobalOptions();
        var root = Make(global, context);
        if (args is [Complete, "--", .. var words])
        {
            foreach (var word in await new Completer(root, global, context).CompleteAsync(words, ct))
            {
                await context.Out.WriteLineAsync(word);
            }

            return ExitCode.Done;
        }

        // @ begins a name in systemd, and not the name of a file with more words.
        var parsed = root.Parse(args, new() { ResponseFileTokenReplacer = null });
        if (parsed.Errors.Count > 0)
        {
            foreach (var error in parsed.Errors)
            {
                await context.Error.WriteLineAsync(PlainText.Lines(error.Message));
            }

            var verb = parsed.CommandResult.Command == root ? "VERB" : Verb(parsed.CommandResult);
            await context.Error.WriteLineAsync($"See qmfleet --help, or qmfleet {verb} --help.");
            return ExitCode.Invalid;
        }

        try
        {
            return await parsed.InvokeAsync(
                new() { Output = context.Out, Error = context.Error, EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null }, ct);
        }
        catch (CliException e)
        {
            await context.Error.WriteLineAsync(PlainText.Lines(e.Message));
            return e.ExitCode;
        }
        catch (Exception e) when (e is OperationCanceledException or RpcException && ct.IsCancellationRequested)
        {
            return ExitCode.Interrupted;
        }
        catch (RpcException e)
        {
            var (code, message) = RpcErrors.Explain(e, global.ServerOf(parsed, context));
            await context.Error.WriteLineAsync(PlainText.Lines(message));
            return code;
        }
#pragma warning disable CA1031 // The last handler: a person is never shown a stack trace unasked.
        catch (Exception e)
#pragma warning restore CA1031
        {
            await context.Error.WriteLineAsync(global.IsVerbose(parsed)
                ? e.ToString() : $"qmfleet has a defect: {e.GetType().Name}: {e.Message.Split('\n')[0]}\nThe same with -v shows all of it; please report that.");
            return ExitCode.Failed;
        }
    }

    private static string Verb(CommandResult result) =>
        result.Parent is CommandResult { Parent: not null } above ? $"{Verb(above)} {result.Command.Name}" : result.Command.Name;
}
