using System.CommandLine;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Output;
using Qm.Fleet.V1;
using Command = System.CommandLine.Command;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>pki rotate: certificates before their time.</summary>
internal static class PkiRotateVerb
{
    internal static Command Make(GlobalOptions global, CliContext context) => new("rotate", """
        Makes the certificate authority, the server's certificate or the local administrator's anew. No connection ends by it.

        Examples:
          qmfleet pki rotate server
          qmfleet pki rotate ca
        """)
    {
        Authority(global, context),
        Own("server", "Makes the certificate anew that the controller shows. By itself that happens at two thirds of its life.", RotateCertificateRequest.Types.Which.Server, global, context),
        Own("admin", "Makes the local administrator's certificate anew, in pki/admin of the state directory. The one before holds until its end; revoke it if it shall not.",
            RotateCertificateRequest.Types.Which.Admin, global, context),
    };

    private static Command Authority(GlobalOptions global, CliContext context)
    {
        var finish = new Option<bool>("--finish") { Description = "Retire the old authority, once nobody has a certificate of it any more" };
        var force = new Option<bool>("--force") { Description = "With --finish: also while somebody has; nodes among them have to enrol again, and join tokens of before are lost" };
        var (reason, dryRun, output) = (OperationOptions.ReasonOption(), OperationOptions.DryRunOption(), OutputOptions.OfAnswers());
        var command = new Command("ca", """
            Exchanges the certificate authority. A new one begins beside the old one, and certificates of both are taken; nodes take it up by themselves, people need
            new certificates and what pki export prints. The old one retires with --finish, or by itself, when nobody has a certificate of it
            any more, nor a join token made before, which names the old one alone.

            Examples:
              qmfleet pki rotate ca --reason "its key was on a stolen disk"
              qmfleet pki show
              qmfleet pki rotate ca --finish
            """) { finish, force, reason, dryRun };
        output.AddTo(command);
        command.SetAction(async (parsed, ct) =>
        {
            var (isTrial, why) = (parsed.GetValue(dryRun), parsed.GetValue(reason)!);
            if (parsed.GetValue(force) && !parsed.GetValue(finish))
            {
                throw new CliException(ExitCode.Invalid, "--force: it is for --finish only");
            }

            using var connection = global.Connect(parsed, context);
            var pki = parsed.GetValue(finish)
                ? await connection.Pki.FinishRotationAsync(new() { Force = parsed.GetValue(force), Reason = why, DryRun = isTrial }, cancellationToken: ct)
                : await connection.Pki.RotateAuthorityAsync(new() { Reason = why, DryRun = isTrial }, cancellationToken: ct);
            await AnswerAsync(context, output.FormatOf(parsed), pki, parsed.GetValue(finish) ? "the old certificate authority has retired" : "a new certificate authority has begun beside the old one", isTrial);
            return ExitCode.Done;
        });
        return command;
    }

    /// <summary>Says what was done, and shows what is so now.</summary>
    internal static Task AnswerAsync(CliContext context, OutputFormat format, Pki pki, string done, bool isTrial) => Answer.WriteAsync(context, format, pki, async () =>
    {
        await context.Out.WriteLineAsync($"{done}{(isTrial ? "  (dry run)" : "")}");
        await PkiVerb.WriteAsync(context, pki);
    });

    private static Command Own(string name, string description, RotateCertificateRequest.Types.Which which, GlobalOptions global, CliContext context)
    {
        var (dryRun, output) = (OperationOptions.DryRunOption(), OutputOptions.OfAnswers());
        var command = new Command(name, $"""
            {description}

            Examples:
              qmfleet pki rotate {name}
            """) { dryRun };
        output.AddTo(command);
        command.SetAction(async (parsed, ct) =>
        {
            var isTrial = parsed.GetValue(dryRun);
            using var connection = global.Connect(parsed, context);
            var pki = await connection.Pki.RotateCertificateAsync(new() { Which = which, DryRun = isTrial }, cancellationToken: ct);
            await AnswerAsync(context, output.FormatOf(parsed), pki, $"the {(name == "admin" ? "local administrator's" : "server's")} certificate was made anew", isTrial);
            return ExitCode.Done;
        });
        return command;
    }
}
