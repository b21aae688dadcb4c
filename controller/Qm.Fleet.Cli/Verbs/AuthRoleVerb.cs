using System.CommandLine;
using System.Globalization;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Manifests;
using Qm.Fleet.Cli.Output;
using Qm.Fleet.V1;
using Command = System.CommandLine.Command;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>auth role: named sets of rules.</summary>
internal static class AuthRoleVerb
{
    internal static Command Make(GlobalOptions global, CliContext context) => new("role", """
        Shows roles and makes your own; viewer, operator, admin, agent and scraper are built in.

        Examples:
          qmfleet auth role list
          qmfleet auth role get operator
        """) { List(global, context), Get(global, context), Apply(global, context), Delete(global, context) };

    /// <summary>Which role is given.</summary>
    internal static Option<string> RoleOption() => new("--role") { Description = "The role; qmfleet auth role list shows those there are", HelpName = "name", Required = true };

    private static Command List(GlobalOptions global, CliContext context)
    {
        var output = OutputOptions.OfLists();
        var command = new Command("list", """
            Shows the roles there are.

            Examples:
              qmfleet auth role list
            """);
        output.AddTo(command);
        command.SetAction(async (parsed, ct) =>
        {
            using var connection = global.Connect(parsed, context);
            var roles = (await connection.Access.ListRolesAsync(new(), cancellationToken: ct)).Roles;
            var listing = new Listing("role", ["NAME", "RULES", "BUILT-IN"], [], [.. roles.Select(static role => new ListedResource(
                role.Name, role, [role.Name, role.Rules.Count.ToString(CultureInfo.InvariantCulture), role.BuiltIn ? "yes" : "no"], []))]);
            await listing.WriteAsync(context, output.FormatOf(parsed), isOne: false, output.NoHeaders(parsed));
            return ExitCode.Done;
        });
        return command;
    }

    private static Command Get(GlobalOptions global, CliContext context)
    {
        var (name, output) = (new Argument<string>("name") { Description = "The role's name" }, OutputOptions.OfAnswers());
        var command = new Command("get", """
            Shows the rules of a role; -o yaml as apply takes them.

            Examples:
              qmfleet auth role get operator
              qmfleet auth role get radio-keeper -o yaml > role.yaml
            """) { name };
        output.AddTo(command);
        command.SetAction(async (parsed, ct) =>
        {
            using var connection = global.Connect(parsed, context);
            var wanted = parsed.GetValue(name)!;
            var role = (await connection.Access.ListRolesAsync(new(), cancellationToken: ct)).Roles.FirstOrDefault(role => role.Name == wanted)
                ?? throw new CliException(ExitCode.NotFound, $"role {wanted} not found; qmfleet auth role list shows those there are");
            await Answer.WriteAsync(context, output.FormatOf(parsed), role, () => AccessText.WriteAsync(context, role.Rules));
            return ExitCode.Done;
        });
        return command;
    }

    private static Command Apply(GlobalOptions global, CliContext context)
    {
        var file = new Option<string>("--filename", "-f") { Description = "A file with a name and rules, or - for standard input", HelpName = "file", Required = true };
        var (dryRun, output) = (OperationOptions.DryRunOption(), OutputOptions.OfAnswers());
        var command = new Command("apply", """
            Makes a role, or changes one. Whoever has it has the new rules from the next call on.

            A role is a name and rules: {verbs: [restart], resources: [units], scope: {units: ['radio.*']}}, with deny: true for what is taken.

            Examples:
              qmfleet auth role apply -f role.yaml
              qmfleet auth role apply -f role.yaml --dry-run
            """) { file, dryRun };
        output.AddTo(command);
        command.SetAction(async (parsed, ct) =>
        {
            using var connection = global.Connect(parsed, context);
            var (role, isTrial) = (await ReadAsync(parsed.GetValue(file)!, context, ct), parsed.GetValue(dryRun));
            var applied = await connection.Access.ApplyRoleAsync(new() { Role = role, DryRun = isTrial }, cancellationToken: ct);
            await Answer.WriteAsync(context, output.FormatOf(parsed), applied,
                FormattableString.Invariant($"role/{applied.Name} applied, {applied.Rules.Count} {(applied.Rules.Count == 1 ? "rule" : "rules")}{(isTrial ? "  (dry run)" : "")}"));
            return ExitCode.Done;
        });
        return command;
    }

    private static Command Delete(GlobalOptions global, CliContext context)
    {
        var (name, dryRun) = (new Argument<string>("name") { Description = "The role's name" }, OperationOptions.DryRunOption());
        var command = new Command("delete", """
            Removes a role that nobody has.

            Examples:
              qmfleet auth role delete radio-keeper
            """) { name, dryRun };
        command.SetAction(async (parsed, ct) =>
        {
            using var connection = global.Connect(parsed, context);
            var isTrial = parsed.GetValue(dryRun);
            var deleted = await connection.Access.DeleteRoleAsync(new() { Name = parsed.GetValue(name)!, DryRun = isTrial }, cancellationToken: ct);
            await context.Out.WriteLineAsync(PlainText.Of($"role/{deleted.Name} deleted{(isTrial ? "  (dry run)" : "")}"));
            return ExitCode.Done;
        });
        return command;
    }

    private static async Task<AccessRole> ReadAsync(string source, CliContext context, CancellationToken ct)
    {
        var (problems, role) = (new List<ManifestProblem>(), new AccessRole());
        var documents = new YamlTree(problems).Read(await TextAsync(source, context, ct));
        if (documents is [var (number, root)] && problems.Count == 0)
        {
            new MessageReader(number, problems, new(StringComparer.Ordinal)).Fill(role, root, "");
        }
        else if (problems.Count == 0)
        {
            problems.Add(new(1, 1, "", $"{documents.Count} documents; expected one role"));
        }

        return problems.Count == 0 ? role : throw new CliException(ExitCode.Invalid, string.Join('\n', problems
            .Select(problem => FormattableString.Invariant($"  line {problem.Line}  {(problem.Path.Length == 0 ? "" : problem.Path + ": ")}{problem.Message}"))
            .Prepend(FormattableString.Invariant($"{source}: {problems.Count} {(problems.Count == 1 ? "problem" : "problems")}, nothing was stored"))));
    }

    private static async Task<string> TextAsync(string source, CliContext context, CancellationToken ct)
    {
        try
        {
            await using var stream = source == "-" ? context.In : File.OpenRead(source);
            var bytes = new byte[ManifestFile.MaxBytes + 1];
            var length = await stream.ReadAtLeastAsync(bytes, bytes.Length, throwOnEndOfStream: false, ct).AsTask().WaitAsync(ct);
            return length > ManifestFile.MaxBytes ? throw new CliException(ExitCode.Invalid, $"{source}: larger than 1 MiB; this is no role") : System.Text.Encoding.UTF8.GetString(bytes, 0, length);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException(ExitCode.Invalid, $"{source}: {e.Message}");
        }
    }
}
