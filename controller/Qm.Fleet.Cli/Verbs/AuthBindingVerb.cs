using System.CommandLine;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Output;
using Qm.Fleet.V1;
using Command = System.CommandLine.Command;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>auth binding: who has which role, and where.</summary>
internal static class AuthBindingVerb
{
    internal static Command Make(GlobalOptions global, CliContext context) => new("binding", """
        Gives roles to people and tokens, everywhere or within a scope, and takes them away.

        Examples:
          qmfleet auth binding apply ann-cockpit --subject viewer:ann --role operator --fleet cockpit
          qmfleet auth binding list
        """) { List(global, context), Apply(global, context), Delete(global, context) };

    private static Command List(GlobalOptions global, CliContext context)
    {
        var output = OutputOptions.OfLists();
        var command = new Command("list", """
            Shows who has which role beside that of their certificate or token, and where.

            Examples:
              qmfleet auth binding list
            """);
        output.AddTo(command);
        command.SetAction(async (parsed, ct) =>
        {
            using var connection = global.Connect(parsed, context);
            var bindings = (await connection.Access.ListBindingsAsync(new(), cancellationToken: ct)).Bindings;
            var listing = new Listing("binding", ["NAME", "SUBJECT", "ROLE", "WHERE"], [], [.. bindings.Select(static binding => new ListedResource(
                binding.Name, binding, [binding.Name, binding.Subject, binding.Role, AccessText.Scope(binding.Scope)], []))]);
            await listing.WriteAsync(context, output.FormatOf(parsed), isOne: false, output.NoHeaders(parsed));
            return ExitCode.Done;
        });
        return command;
    }

    private static Command Apply(GlobalOptions global, CliContext context)
    {
        var name = new Argument<string>("name") { Description = "What to call the binding" };
        var subject = new Option<string>("--subject") { Description = "Who gets the role, as events name them, such as token:ci or viewer:ann", HelpName = "identity", Required = true };
        var role = AuthRoleVerb.RoleOption();
        var (scope, dryRun, output) = (new ScopeOptions(global), OperationOptions.DryRunOption(), OutputOptions.OfAnswers());
        var command = new Command("apply", """
            Gives somebody a role, everywhere or where the options say; a binding of the same name is replaced.

            Examples:
              qmfleet auth binding apply ci-radio --subject token:ci --role radio-keeper --node 'ecu*'
            """) { name, subject, role };
        scope.AddTo(command);
        command.Add(dryRun);
        output.AddTo(command);
        command.SetAction(async (parsed, ct) =>
        {
            var isTrial = parsed.GetValue(dryRun);
            using var connection = global.Connect(parsed, context);
            var wanted = new AccessBinding { Name = parsed.GetValue(name)!, Subject = parsed.GetValue(subject)!, Role = parsed.GetValue(role)!, Scope = scope.Of(parsed) };
            var applied = await connection.Access.ApplyBindingAsync(new() { Binding = wanted, DryRun = isTrial }, cancellationToken: ct);
            await Answer.WriteAsync(context, output.FormatOf(parsed), applied,
                $"binding/{applied.Name} applied: {applied.Subject} has the role {applied.Role} {AccessText.Scope(applied.Scope)}{(isTrial ? "  (dry run)" : "")}");
            return ExitCode.Done;
        });
        return command;
    }

    private static Command Delete(GlobalOptions global, CliContext context)
    {
        var (name, dryRun) = (new Argument<string>("name") { Description = "The binding's name" }, OperationOptions.DryRunOption());
        var command = new Command("delete", """
            Takes a role away from who has it by a binding.

            Examples:
              qmfleet auth binding delete ci-radio
            """) { name, dryRun };
        command.SetAction(async (parsed, ct) =>
        {
            using var connection = global.Connect(parsed, context);
            var isTrial = parsed.GetValue(dryRun);
            var deleted = await connection.Access.DeleteBindingAsync(new() { Name = parsed.GetValue(name)!, DryRun = isTrial }, cancellationToken: ct);
            await context.Out.WriteLineAsync(PlainText.Of($"binding/{deleted.Name} deleted: {deleted.Subject} has the role {deleted.Role} no longer by it{(isTrial ? "  (dry run)" : "")}"));
            return ExitCode.Done;
        });
        return command;
    }
}
