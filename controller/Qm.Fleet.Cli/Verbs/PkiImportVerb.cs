using System.CommandLine;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Output;
using Command = System.CommandLine.Command;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>pki import: an authority of somebody else's.</summary>
internal static class PkiImportVerb
{
    private const int MostBytes = 64 * 1024;

    internal static Command Make(GlobalOptions global, CliContext context)
    {
        var chain = new Option<string>("--chain") { Description = "Its certificate, and those that lead from there to a root, as PEM", HelpName = "file", Required = true };
        var key = new Option<string>("--key") { Description = "Its private key as PEM, without a passphrase", HelpName = "file", Required = true };
        var (reason, dryRun, output) = (OperationOptions.ReasonOption(), OperationOptions.DryRunOption(), OutputOptions.OfAnswers());
        var command = new Command("import", """
            Exchanges the certificate authority for one that you bring, such as one that your company's has signed. From there it goes on as with pki rotate ca.
            Only as root on the controller's host: the key goes over no network.

            Examples:
              qmfleet pki import --chain fleet-ca.crt --key fleet-ca.key --dry-run
              qmfleet pki import --chain fleet-ca.crt --key fleet-ca.key
            """) { chain, key, reason, dryRun };
        output.AddTo(command);
        command.SetAction(async (parsed, ct) =>
        {
            var isTrial = parsed.GetValue(dryRun);
            if (FleetConnection.Check(global.ServerOf(parsed, context)) is not null)
            {
                throw new CliException(ExitCode.Invalid, "--server: the key of a certificate authority goes over no network; run this on the controller's host, on its Unix socket");
            }

            var (certificates, secret) = (await ReadAsync("--chain", parsed.GetValue(chain)!, ct), await ReadAsync("--key", parsed.GetValue(key)!, ct));
            using var connection = global.Connect(parsed, context);
            var pki = await connection.Pki.ImportAuthorityAsync(new() { Chain = certificates, Key = secret, Reason = parsed.GetValue(reason)!, DryRun = isTrial }, cancellationToken: ct);
            await PkiRotateVerb.AnswerAsync(context, output.FormatOf(parsed), pki, "the certificate authority you brought has begun beside the old one", isTrial);
            return ExitCode.Done;
        });
        return command;
    }

    private static async Task<string> ReadAsync(string option, string path, CancellationToken ct)
    {
        try
        {
            return new FileInfo(path).Length <= MostBytes ? await File.ReadAllTextAsync(path, ct) : throw new CliException(ExitCode.Invalid, $"{option} {path}: larger than 64 KiB; this is no PEM");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException(ExitCode.Invalid, $"{option} {path}: {e.Message}");
        }
    }
}
