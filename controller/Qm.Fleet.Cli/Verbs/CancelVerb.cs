using System.CommandLine;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Kinds;
using Qm.Fleet.Cli.Output;
using Command = System.CommandLine.Command;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>cancel: asks for the end of an operation.</summary>
internal static class CancelVerb
{
    internal static Command Make(GlobalOptions global, CliContext context)
    {
        var (resource, name) = Resources.Arguments("operation");
        global.Names.OfResources(resource, name);
        var (reason, dryRun, output) = (OperationOptions.ReasonOption(), OperationOptions.DryRunOption(), OutputOptions.OfAnswers());
        var noWait = new Option<bool>("--no-wait") { Description = "Do not wait for its end" };
        var command = new Command("cancel", """
            Asks for the end of an operation, and waits for it: a rollout is aborted, a job that waits in systemd is cancelled. What is done stays done.

            Examples:
              qmfleet get operations --field-selector done=false
              qmfleet cancel operation/cockpit/7 --reason "the wrong image"
              qmfleet cancel operation 0199f3d2-1f6b-7c44-9a51-6a1f2f3c4d5e --no-wait
            """) { resource, name, reason, dryRun, noWait };
        output.AddTo(command);
        command.SetAction(async (parsed, ct) =>
        {
            var (kind, which) = Resources.Parse(parsed.GetValue(resource)!, parsed.GetValue(name));
            if (kind.Name != ResourceKind.Operation || which is null)
            {
                throw new CliException(ExitCode.Invalid, "cancel: expected an operation, such as operation/cockpit/7; qmfleet get operations --field-selector done=false lists those that run");
            }

            var (limit, isTrial) = (global.RolloutTimeout(parsed), parsed.GetValue(dryRun));
            using var connection = global.ConnectToWait(parsed, context);
            var operation = await connection.Operations.CancelAsync(new() { Name = OperationKind.Whole(which), Reason = parsed.GetValue(reason)!, DryRun = isTrial }, cancellationToken: ct);
            var end = ExitCode.Done;
            if (!isTrial && !parsed.GetValue(noWait) && !operation.Done)
            {
                // That it did not end as it was meant to is what was asked for.
                (end, operation) = await OperationWait.ForAsync(operation, connection, context, limit, ct);
                end = operation.Done ? ExitCode.Done : end;
            }

            await Answer.WriteAsync(context, output.FormatOf(parsed), operation,
                $"operation/{which} {(operation.Done ? "ended" : "is asked to end")}{(operation.Error.Length > 0 ? $": {operation.Error}" : operation.Message.Length > 0 ? $": {operation.Message}" : "")}{(isTrial ? "  (dry run)" : "")}");
            return end;
        });
        return command;
    }
}
