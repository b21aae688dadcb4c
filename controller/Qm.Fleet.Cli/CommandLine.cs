using System.CommandLine;
using System.CommandLine.Parsing;
using Grpc.Core;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Verbs;

namespace Qm.Fleet.Cli;

/// <summary>The whole command line: its verbs, and what becomes of errors.</summary>
internal static class CommandLine
{
    internal static async Task<int> RunAsync(string[] args, CliContext context, CancellationToken ct)
    {
        var global = new GlobalOptions();
        var root = new RootCommand($"Deploys and supervises QM on a fleet of ECUs.\n\n{ExitCode.Help}");
        global.AddTo(root);
        root.Add(ApplyVerb.Make(global, context));
        root.Add(GetVerb.Make(global, context));
        root.Add(DescribeVerb.Make(global, context));
        root.Add(PlanVerb.Make(global, context));
        root.Add(DiffVerb.Make(global, context));
        root.Add(RolloutVerb.Make(global, context));
        root.Add(NodeVerb.Make(global, context));
        root.Add(EventsVerb.Make(global, context));
        root.Add(ChecksVerb.Make(global, context));
        root.Add(EffectiveVerb.Make(global, context));
        root.Add(TopVerb.Make(global, context));
        root.Add(BundleVerb.Make(global, context));
        root.Add(ArtifactVerb.Make(global, context));
        root.Add(DeleteVerb.Make(global, context));
        root.Add(LabVerb.Make(global, context));
        root.Add(VersionVerb.Make(context));
        var parsed = root.Parse(args);
        if (parsed.Errors.Count > 0)
        {
            foreach (var error in parsed.Errors)
            {
                await context.Error.WriteLineAsync(error.Message);
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
            await context.Error.WriteLineAsync(e.Message);
            return e.ExitCode;
        }
        catch (Exception e) when (e is OperationCanceledException or RpcException && ct.IsCancellationRequested)
        {
            return ExitCode.Interrupted;
        }
        catch (RpcException e)
        {
            var (code, message) = RpcErrors.Explain(e, global.ServerOf(parsed, context));
            await context.Error.WriteLineAsync(message);
            return code;
        }
    }

    private static string Verb(CommandResult result) =>
        result.Parent is CommandResult { Parent: not null } above ? $"{Verb(above)} {result.Command.Name}" : result.Command.Name;
}
