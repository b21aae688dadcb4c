using System.Globalization;
using Google.Protobuf.WellKnownTypes;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Output;
using Qm.Fleet.V1;
using Command = System.CommandLine.Command;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>pki: the certificates by which the controller, nodes and people know each other.</summary>
internal static class PkiVerb
{
    private const int MostShown = 20;

    internal static Command Make(GlobalOptions global, CliContext context) => new("pki", """
        Shows, exchanges, makes and revokes certificates of the controller, of nodes and of people.

        Examples:
          qmfleet pki show
          qmfleet pki issue ann --role operator --out ~/ann
          qmfleet pki revoke operator:ann --reason "left the company"
          qmfleet pki rotate ca
        """)
    {
        Show(global, context), Export(global, context), PkiRotateVerb.Make(global, context), PkiImportVerb.Make(global, context), PkiIssueVerb.Make(global, context),
        PkiRevokeVerb.Make(global, context), PkiRevokeVerb.List(global, context),
    };

    /// <summary>A time to the minute, or a dash.</summary>
    internal static string At(Timestamp? time) => time?.ToDateTimeOffset().ToString("yyyy-MM-dd HH:mm'Z'", CultureInfo.InvariantCulture) ?? "-";

    /// <summary>Writes the certificates as they are now.</summary>
    internal static async Task WriteAsync(CliContext context, Pki pki)
    {
        var table = new Table("CERTIFICATE", "SUBJECT", "ENDS", "RENEWS", "FINGERPRINT");
        foreach (var authority in pki.Authorities)
        {
            table.Add(Cells(authority.Retiring ? "authority, retiring" : "authority", authority.Certificate));
        }

        table.Add(Cells("server", pki.Server));
        table.Add(pki.Admin is null ? ["local admin", "does not read", "-", "-", "-"] : Cells("local admin", pki.Admin));
        await table.WriteAsync(context.Out, context.OutWidth);
        if (pki.RetiresFrom is not null)
        {
            await context.Out.WriteLineAsync(PlainText.Of(pki.UsersOfOldCount == 0 && pki.JoinTokensOfOld.Count > 0
                ? "Nobody has a certificate of the retiring authority any more, but there are join tokens that name it alone."
                : pki.UsersOfOldCount == 0
                ? $"Nobody has a certificate of the retiring authority any more. It retires by itself from {At(pki.RetiresFrom)} on; qmfleet pki rotate ca --finish does it now."
                : FormattableString.Invariant($"{pki.UsersOfOldCount} still {(pki.UsersOfOldCount == 1 ? "has" : "have")} a certificate of the retiring authority: {string.Join(", ", pki.UsersOfOld.Take(MostShown))}{(pki.UsersOfOldCount > MostShown ? " and others" : "")}")));
        }

        if (pki.JoinTokensOfOld.Count > 0)
        {
            await context.Out.WriteLineAsync(PlainText.Of(
                $"Join tokens that name the retiring authority alone: {string.Join(", ", pki.JoinTokensOfOld.Take(MostShown))}{(pki.JoinTokensOfOld.Count > MostShown ? " and others" : "")}; revoke them and make others, which name both"));
        }

        if (pki.Revocations > 0)
        {
            await context.Out.WriteLineAsync(FormattableString.Invariant($"{pki.Revocations} {(pki.Revocations == 1 ? "revocation" : "revocations")}; qmfleet pki revocations shows them"));
        }
    }

    private static Command Show(GlobalOptions global, CliContext context)
    {
        var output = OutputOptions.OfAnswers();
        var command = new Command("show", """
            Shows the certificate authorities, the server's certificate and the local administrator's: how long they hold, when they are renewed, and who has still one of an authority that retires.

            Examples:
              qmfleet pki show
              qmfleet pki show -o json
            """);
        output.AddTo(command);
        command.SetAction(async (parsed, ct) =>
        {
            using var connection = global.Connect(parsed, context);
            var pki = await connection.Pki.GetPkiAsync(new(), cancellationToken: ct);
            await Answer.WriteAsync(context, output.FormatOf(parsed), pki, () => WriteAsync(context, pki));
            return ExitCode.Done;
        });
        return command;
    }

    private static Command Export(GlobalOptions global, CliContext context)
    {
        var command = new Command("export", """
            Prints what a client has to trust: the certificates of the authorities in force, as a ca.crt holds them.
            No key: root on the controller's host backs up the folder pki/ of the state directory.

            Examples:
              qmfleet pki export > ca.crt
            """);
        command.SetAction(async (parsed, ct) =>
        {
            using var connection = global.Connect(parsed, context);
            var exported = await connection.Pki.ExportAuthoritiesAsync(new(), cancellationToken: ct);
            await context.Out.WriteAsync(exported.Authorities);
            return ExitCode.Done;
        });
        return command;
    }

    private static string[] Cells(string kind, Certificate certificate) =>
        [kind, certificate.Subject, At(certificate.EndsAt), At(certificate.RenewsAt), certificate.Fingerprint[..Math.Min(16, certificate.Fingerprint.Length)]];
}
