using System.CommandLine;
using Google.Protobuf.WellKnownTypes;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Output;
using Qm.Fleet.V1;
using Command = System.CommandLine.Command;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>auth token: bearer tokens for automation.</summary>
internal static class AuthTokenVerb
{
    private static readonly TimeSpan MostLife = TimeSpan.FromDays(366);

    internal static Command Make(GlobalOptions global, CliContext context) => new("token", """
        Makes, shows and revokes bearer tokens, with which automation says who it is.

        Examples:
          qmfleet auth token create ci --role operator --fleet cockpit
          qmfleet auth token list
        """) { Create(global, context), List(global, context), Revoke(global, context) };

    private static Command Create(GlobalOptions global, CliContext context)
    {
        var name = new Argument<string>("name") { Description = "What to call it; events name token:NAME" };
        var role = AuthRoleVerb.RoleOption();
        var scope = new ScopeOptions(global);
        var expires = new Option<string?>("--expires-in") { Description = "How long it is good, such as 12h or 90d, at most 366d [default: 30d]", HelpName = "time" };
        var dryRun = OperationOptions.DryRunOption();
        var command = new Command("create", """
            Makes a token and prints its secret, and nothing else, on stdout. This is the only time that it is shown. With --dry-run there is none.

            Examples:
              qmfleet auth token create ci --role operator --fleet cockpit --expires-in 90d > token
              QMFLEET_TOKEN="$(cat token)" qmfleet get nodes --server https://bench:8420 --pki ~/ca
            """) { name, role };
        scope.AddTo(command);
        command.Add(expires);
        command.Add(dryRun);
        command.SetAction(async (parsed, ct) =>
        {
            var life = parsed.GetValue(expires) is { } given ? TokenLife.Parse(given, MostLife, "90d") : (TimeSpan?)null;
            using var connection = global.Connect(parsed, context);
            var request = new CreateTokenRequest
            {
                Name = parsed.GetValue(name)!,
                Role = parsed.GetValue(role)!,
                Scope = scope.Of(parsed),
                ExpiresAt = life is null ? null : (context.Time.GetUtcNow() + life.Value).ToTimestamp(),
                DryRun = parsed.GetValue(dryRun),
            };
            var made = await connection.Access.CreateTokenAsync(request, cancellationToken: ct);
            var what = $"the role {made.Token.Role} {AccessText.Scope(made.Token.Scope)} until {TokenLife.At(made.Token.ExpiresAt)}";
            if (request.DryRun)
            {
                await context.Error.WriteLineAsync(PlainText.Of($"token:{made.Token.Name} would have {what}  (dry run)"));
                return ExitCode.Done;
            }

            await context.Out.WriteLineAsync(made.Secret);
            await context.Error.WriteLineAsync(PlainText.Of($"token:{made.Token.Name} has {what}; its secret is not shown again"));
            return ExitCode.Done;
        });
        return command;
    }

    private static Command List(GlobalOptions global, CliContext context)
    {
        var output = OutputOptions.OfLists();
        var command = new Command("list", """
            Shows the tokens there are; their secrets nobody has but those they were given to.

            Examples:
              qmfleet auth token list
            """);
        output.AddTo(command);
        command.SetAction(async (parsed, ct) =>
        {
            using var connection = global.Connect(parsed, context);
            var tokens = (await connection.Access.ListTokensAsync(new(), cancellationToken: ct)).Tokens;
            var listing = new Listing("token", ["NAME", "ROLE", "WHERE", "EXPIRES"], ["CREATED", "BY"], [.. tokens.Select(static token => new ListedResource(
                token.Name, token, [token.Name, token.Role, AccessText.Scope(token.Scope), TokenLife.At(token.ExpiresAt)], [TokenLife.At(token.CreatedAt), token.CreatedBy]))]);
            await listing.WriteAsync(context, output.FormatOf(parsed), isOne: false, output.NoHeaders(parsed));
            return ExitCode.Done;
        });
        return command;
    }

    private static Command Revoke(GlobalOptions global, CliContext context)
    {
        var (name, dryRun) = (new Argument<string>("name") { Description = "The token's name" }, OperationOptions.DryRunOption());
        var command = new Command("revoke", """
            Ends a token, and every call that goes on because of it.

            Examples:
              qmfleet auth token revoke ci
            """) { name, dryRun };
        command.SetAction(async (parsed, ct) =>
        {
            using var connection = global.Connect(parsed, context);
            var isTrial = parsed.GetValue(dryRun);
            var revoked = await connection.Access.RevokeTokenAsync(new() { Name = parsed.GetValue(name)!, DryRun = isTrial }, cancellationToken: ct);
            await context.Out.WriteLineAsync(PlainText.Of($"token/{revoked.Name} revoked{(isTrial ? "  (dry run)" : "")}"));
            return ExitCode.Done;
        });
        return command;
    }
}
