using System.CommandLine;
using System.Globalization;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Output;
using Qm.Fleet.V1;
using Command = System.CommandLine.Command;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>artifact: archives of root file systems that the controller keeps for its nodes.</summary>
internal static class ArtifactVerb
{
    private const int WholeDigits = 64;

    // As many as podman images shows.
    private const int ShownDigits = 12;

    internal static Command Make(GlobalOptions global, CliContext context) => new("artifact", """
        Keeps archives of root file systems on the controller; nodes fetch them from there.

        A fleet names one by its digest alone: rootfs: {archive: {sha256: 9f...}}.

        Examples:
          qmfleet artifact push qm-1.4.0.tar.zst
          qmfleet artifact list
        """) { Push(global, context), List(global, context), Delete(global, context) };

    private static Command Push(GlobalOptions global, CliContext context)
    {
        var file = new Argument<string>("file") { Description = "A tar, tar.gz or tar.zst whose top directory is QM's /" };
        var name = new Option<string?>("--name") { Description = "What to call it; the file's name if not said", HelpName = "name" };
        var command = new Command("push", """
            Brings an archive to the controller, and prints its SHA-256 and the line to put under spec.environment of a fleet.
            What is there already is not sent again; a push that is cut off goes on where it was, by itself or when it is repeated.

            Examples:
              qmfleet artifact push qm-1.4.0.tar.zst
            """) { file, name };
        command.SetAction(async (parsed, ct) =>
        {
            using var connection = global.Connect(parsed, context);
            var path = parsed.GetValue(file)!;
            var pushed = await new ArtifactPush(connection, context, path, parsed.GetValue(name) ?? Path.GetFileName(path)).RunAsync(ct);
            await context.Out.WriteLineAsync(pushed.Sha256);
            await context.Out.WriteLineAsync($"rootfs: {{archive: {{sha256: {pushed.Sha256}}}}}");
            return ExitCode.Done;
        });
        return command;
    }

    private static Command List(GlobalOptions global, CliContext context)
    {
        var output = OutputOptions.OfLists();
        var command = new Command("list", """
            Shows the archives that the controller keeps, and the revisions that need them. The whole digest, which a fleet names, is in -o wide.

            Examples:
              qmfleet artifact list
              qmfleet artifact list -o wide
              qmfleet artifact list -o jsonpath='{.items[*].sha256}'
            """);
        output.AddTo(command);
        command.SetAction(async (parsed, ct) =>
        {
            using var connection = global.Connect(parsed, context);
            var artifacts = (await connection.Artifacts.ListAsync(new(), cancellationToken: ct)).Artifacts;
            var listing = new Listing("artifact", ["NAME", "SHA256", "SIZE", "PUSHED", "USED BY"], ["BY", "DIGEST"], [.. artifacts.Select(Row)]);
            await listing.WriteAsync(context, output.FormatOf(parsed), isOne: false, output.NoHeaders(parsed));
            return ExitCode.Done;
        });
        return command;
    }

    private static Command Delete(GlobalOptions global, CliContext context)
    {
        var which = new Argument<string>("archive") { Description = "Its SHA-256, the first digits of it, or its name, as list shows them" };
        var dryRun = OperationOptions.DryRunOption();
        var command = new Command("delete", """
            Removes an archive from the controller; refused while a fleet, or a revision that is kept, names it.

            Examples:
              qmfleet artifact delete qm-1.4.0.tar.zst
              qmfleet artifact delete 77b0e1c4f06f
            """) { which, dryRun };
        command.SetAction(async (parsed, ct) =>
        {
            using var connection = global.Connect(parsed, context);
            var (wanted, isTrial) = (parsed.GetValue(which)!, parsed.GetValue(dryRun));
            var sha256 = wanted.Length == WholeDigits ? wanted : Only(wanted, (await connection.Artifacts.ListAsync(new(), cancellationToken: ct)).Artifacts);
            var deleted = await connection.Artifacts.DeleteAsync(new() { Sha256 = sha256, DryRun = isTrial }, cancellationToken: ct);
            await context.Out.WriteLineAsync($"artifact/{deleted.Sha256} {(isTrial ? "would be deleted  (dry run)" : "deleted")}");
            return ExitCode.Done;
        });
        return command;
    }

    // Whatever would be deleted is named by one thing only; an empty word, as of a shell's variable that nobody set, names nothing.
    private static string Only(string wanted, IReadOnlyList<Artifact> artifacts)
    {
        var found = artifacts.Where(artifact => wanted.Length > 0 && (artifact.Name == wanted || artifact.Sha256.StartsWith(wanted, StringComparison.Ordinal))).ToList();
        return found switch
        {
            [var only] => only.Sha256,
            [] => throw new CliException(ExitCode.NotFound, $"There is no archive \"{wanted}\"; qmfleet artifact list shows those there are"),
            _ => throw new CliException(ExitCode.Invalid, $"{found.Count} archives are called {wanted}: name one by its digest, {string.Join(" or ", found.Take(3).Select(static artifact => artifact.Sha256[..ShownDigits]))}"),
        };
    }

    private static ListedResource Row(Artifact artifact) => new(
        artifact.Sha256, artifact,
        [
            artifact.Name, artifact.Sha256[..Math.Min(ShownDigits, artifact.Sha256.Length)], UsageText.Size(artifact.SizeBytes),
            artifact.PushedAt?.ToDateTimeOffset().ToString("yyyy-MM-dd HH:mm'Z'", CultureInfo.InvariantCulture) ?? "-",
            artifact.UsedBy.Count > 0 ? string.Join(',', artifact.UsedBy) : "-",
        ],
        [artifact.PushedBy, artifact.Sha256]);
}
