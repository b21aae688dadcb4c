using System.CommandLine;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Output;
using Qm.Fleet.V1;
using Command = System.CommandLine.Command;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>pki issue: a certificate for a person, whose key is made here.</summary>
internal static class PkiIssueVerb
{
    private const UnixFileMode PrivateFolder = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const UnixFileMode PrivateFile = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    // What --pki looks for, whoever's they are.
    private const string CertificateFile = "admin.crt";
    private const string KeyFile = "admin.key";
    private const string AuthorityFile = "ca.crt";

    internal static Command Make(GlobalOptions global, CliContext context)
    {
        var name = new Argument<string>("name") { Description = "Whose it is; events name them ROLE:NAME" };
        var role = new Option<string>("--role") { Description = "viewer, operator or admin; auth binding gives more", HelpName = "name", Required = true };
        var folder = new Option<string?>("--out") { Description = "The directory that gets ca.crt, admin.crt and admin.key, as --pki wants them; made where there is none", HelpName = "directory" };
        var request = new Option<string?>("--request") { Description = "A certificate request (PKCS #10) of a key that is elsewhere, instead of --out; the certificate is printed", HelpName = "file" };
        var dryRun = OperationOptions.DryRunOption();
        var command = new Command("issue", """
            Makes a certificate for a person or for automation. The key is made here and sent nowhere; where it is made elsewhere, bring a request that it has signed.

            Examples:
              qmfleet pki issue ann --role operator --out ~/ann
              qmfleet get nodes --server https://bench:8420 --pki ~/ann
              qmfleet pki issue ci --role viewer --request ci.csr > ci.crt
            """) { name, role, folder, request, dryRun };
        command.SetAction(async (parsed, ct) =>
        {
            var asked = new IssueCertificateRequest { Name = parsed.GetValue(name)!, Role = parsed.GetValue(role)!, DryRun = parsed.GetValue(dryRun) };
            switch (parsed.GetValue(folder), parsed.GetValue(request))
            {
                case ({ } given, null):
                    await IntoAsync(Path.GetFullPath(given), asked, () => global.Connect(parsed, context), context, ct);
                    return ExitCode.Done;
                case (null, { } file):
                    asked.Request = ByteString.CopyFrom(await ReadAsync(file, ct));
                    using (var connection = global.Connect(parsed, context))
                    {
                        var certificate = (await connection.Pki.IssueAsync(asked, cancellationToken: ct)).Certificate;
                        await context.Out.WriteLineAsync(asked.DryRun ? $"{asked.Role}:{asked.Name} would be given a certificate  (dry run)" : certificate.TrimEnd('\n'));
                    }

                    return ExitCode.Done;
                default:
                    throw new CliException(ExitCode.Invalid, "expected either --out, for a key that is made here, or --request, for one that is elsewhere");
            }
        });
        return command;
    }

    private static async Task IntoAsync(string folder, IssueCertificateRequest asked, Func<FleetConnection> connect, CliContext context, CancellationToken ct)
    {
        if (new[] { CertificateFile, KeyFile, AuthorityFile }.Select(file => Path.Combine(folder, file)).FirstOrDefault(File.Exists) is { } there)
        {
            throw new CliException(ExitCode.Invalid, $"--out {folder}: {there} is there already, and is not replaced; take another directory");
        }

        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        asked.Request = ByteString.CopyFrom(new CertificateRequest($"CN={asked.Name}", key, HashAlgorithmName.SHA256).CreateSigningRequest());
        using var connection = connect();
        var issued = await connection.Pki.IssueAsync(asked, cancellationToken: ct);
        if (asked.DryRun)
        {
            await context.Out.WriteLineAsync($"{asked.Role}:{asked.Name} would be given a certificate in {folder}  (dry run)");
            return;
        }

        try
        {
            Directory.CreateDirectory(folder, PrivateFolder);
            Write(Path.Combine(folder, KeyFile), key.ExportPkcs8PrivateKeyPem() + "\n");
            Write(Path.Combine(folder, CertificateFile), issued.Certificate + "\n");
            Write(Path.Combine(folder, AuthorityFile), issued.Authorities);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException(ExitCode.Failed, $"--out {folder}: {e.Message}\nThe certificate was made, and its key is lost; ask for another.");
        }

        await context.Out.WriteLineAsync(PlainText.Of($"{asked.Role}:{asked.Name} has a certificate until {PkiVerb.At(issued.EndsAt)}; --pki {folder} uses it"));
    }

    private static void Write(string path, string content)
    {
        using var file = new FileStream(path, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = PrivateFile });
        file.Write(System.Text.Encoding.UTF8.GetBytes(content));
    }

    private static async Task<byte[]> ReadAsync(string path, CancellationToken ct)
    {
        const int MostBytes = 8 * 1024;
        try
        {
            return new FileInfo(path).Length <= MostBytes ? await File.ReadAllBytesAsync(path, ct) : throw new CliException(ExitCode.Invalid, $"--request {path}: larger than 8 KiB; this is no certificate request");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException(ExitCode.Invalid, $"--request {path}: {e.Message}");
        }
    }
}
