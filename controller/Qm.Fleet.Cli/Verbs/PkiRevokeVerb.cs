using System.CommandLine;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Output;
using Command = System.CommandLine.Command;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>pki revoke and pki revocations: certificates that do not count any more.</summary>
internal static class PkiRevokeVerb
{
    internal static Command Make(GlobalOptions global, CliContext context)
    {
        var subject = new Argument<string?>("subject") { Description = "Whose certificates, all that were made so far: admin:ann, operator:ci, node:ecu1", Arity = ArgumentArity.ZeroOrOne };
        var serial = new Option<string?>("--serial") { Description = "One certificate, by its serial number", HelpName = "digits" };
        var reason = new Option<string>("--reason") { Description = "Why, for those who wonder", HelpName = "text", Required = true };
        var (dryRun, output) = (OperationOptions.DryRunOption(), OutputOptions.OfAnswers());
        var command = new Command("revoke", """
            Ends certificates before their time: one, or all that somebody has so far. Connections and streams of them end within seconds; what is made afterwards counts.
            A node that shall not come back: qmfleet node retire.

            Examples:
              qmfleet pki revoke operator:ann --reason "left the company"
              qmfleet pki revoke --serial 5f03a9c1 --reason "was on a lost laptop"
            """) { subject, serial, reason, dryRun };
        output.AddTo(command);
        command.SetAction(async (parsed, ct) =>
        {
            using var connection = global.Connect(parsed, context);
            var revoked = await connection.Pki.RevokeAsync(
                new() { Subject = parsed.GetValue(subject) ?? "", Serial = parsed.GetValue(serial) ?? "", Reason = parsed.GetValue(reason)!, DryRun = parsed.GetValue(dryRun) }, cancellationToken: ct);
            var what = revoked.Serial.Length > 0 ? $"certificate {revoked.Serial} revoked" : $"all certificates of {revoked.Subject} revoked";
            await Answer.WriteAsync(context, output.FormatOf(parsed), revoked, $"{what}{(parsed.GetValue(dryRun) ? "  (dry run)" : "")}");
            return ExitCode.Done;
        });
        return command;
    }

    internal static Command List(GlobalOptions global, CliContext context)
    {
        var output = OutputOptions.OfLists();
        var command = new Command("revocations", """
            Shows what was revoked, the newest first.

            Examples:
              qmfleet pki revocations
            """);
        output.AddTo(command);
        command.SetAction(async (parsed, ct) =>
        {
            using var connection = global.Connect(parsed, context);
            var revocations = (await connection.Pki.ListRevocationsAsync(new(), cancellationToken: ct)).Revocations;
            var listing = new Listing("revocation", ["OF", "MADE UNTIL", "REVOKED", "BY", "REASON"], [], [.. revocations.Select(static revocation => new ListedResource(
                Of(revocation), revocation,
                [Of(revocation), revocation.Serial.Length > 0 ? "-" : revocation.IssuedUntil is null ? "for ever" : PkiVerb.At(revocation.IssuedUntil), PkiVerb.At(revocation.RevokedAt), revocation.Actor, revocation.Reason],
                []))]);
            await listing.WriteAsync(context, output.FormatOf(parsed), isOne: false, output.NoHeaders(parsed));
            return ExitCode.Done;
        });
        return command;
    }

    private static string Of(V1.Revocation revocation) => revocation.Serial.Length > 0 ? revocation.Serial : revocation.Subject;
}
