using System.CommandLine;
using System.Globalization;
using Google.Protobuf.WellKnownTypes;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Output;
using Command = System.CommandLine.Command;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>join-token: what lets nodes join without a person.</summary>
internal static class JoinTokenVerb
{
    internal static Command Make(GlobalOptions global, CliContext context) => new("join-token", """
        Makes, shows and revokes join tokens, with which nodes join without a person.

        Examples:
          qmfleet join-token create bench --node 'ecu*' --uses 5
          qmfleet join-token list
        """) { Create(global, context), List(global, context), Revoke(global, context) };

    private static Command Create(GlobalOptions global, CliContext context)
    {
        var name = new Argument<string>("name") { Description = "What to call it; events name who it let in jointoken:NAME" };
        var nodes = new Option<string[]>("--node") { Description = "Which nodes may join with it, with * and ?; may repeat", HelpName = "name", Required = true };
        var site = new Option<string>("--site") { Description = "The site of these nodes; every site if not said", HelpName = "name", DefaultValueFactory = _ => "" };
        var uses = new Option<int>("--uses") { Description = "How many nodes may join with it", HelpName = "count", DefaultValueFactory = _ => 1 };
        var expires = new Option<string?>("--expires-in") { Description = "How long it is good, such as 2h or 7d, at most 31d [default: 1d]", HelpName = "time" };
        var dryRun = OperationOptions.DryRunOption();
        var command = new Command("create", """
            Makes a token and prints it, and nothing else, on stdout. This is the only time that it is shown; with --dry-run there is none. Bring it to /etc/qm-fleet/join-token on the node, mode 0600.

            Examples:
              qmfleet join-token create ecu1 --node ecu1
              qmfleet join-token create bench --node 'ecu*' --uses 5 --expires-in 2h > join-token
            """) { name, nodes, site, uses, expires, dryRun };
        command.SetAction(async (parsed, ct) =>
        {
            var life = parsed.GetValue(expires) is { } given ? TokenLife.Parse(given, TimeSpan.FromDays(31), "2h") : (TimeSpan?)null;
            var isTrial = parsed.GetValue(dryRun);
            using var connection = global.Connect(parsed, context);
            var made = await connection.Enrollments.CreateJoinTokenAsync(
                new()
                {
                    Name = parsed.GetValue(name)!,
                    Nodes = { parsed.GetValue(nodes)! },
                    Site = parsed.GetValue(site)!,
                    MaxUses = parsed.GetValue(uses),
                    ExpiresAt = life is null ? null : (context.Time.GetUtcNow() + life.Value).ToTimestamp(),
                    DryRun = isTrial,
                },
                cancellationToken: ct);
            var what = string.Create(CultureInfo.InvariantCulture, $"{made.Token.MaxUses} of {string.Join(", ", made.Token.Nodes)} join until {TokenLife.At(made.Token.ExpiresAt)}");
            if (isTrial)
            {
                await context.Error.WriteLineAsync(PlainText.Of($"jointoken:{made.Token.Name} would let {what}  (dry run)"));
                return ExitCode.Done;
            }

            await context.Out.WriteLineAsync(made.Secret);
            await context.Error.WriteLineAsync(PlainText.Of($"jointoken:{made.Token.Name} lets {what}; it is not shown again"));
            return ExitCode.Done;
        });
        return command;
    }

    private static Command List(GlobalOptions global, CliContext context)
    {
        var output = OutputOptions.OfLists();
        var command = new Command("list", """
            Shows the join tokens there are, and how often each was used.

            Examples:
              qmfleet join-token list
            """);
        output.AddTo(command);
        command.SetAction(async (parsed, ct) =>
        {
            using var connection = global.Connect(parsed, context);
            var tokens = (await connection.Enrollments.ListJoinTokensAsync(new(), cancellationToken: ct)).Tokens;
            var listing = new Listing("jointoken", ["NAME", "NODES", "SITE", "USED", "EXPIRES"], ["CREATED", "BY"], [.. tokens.Select(static token => new ListedResource(
                token.Name, token,
                [token.Name, string.Join(',', token.Nodes), token.Site.Length > 0 ? token.Site : "-", string.Create(CultureInfo.InvariantCulture, $"{token.Uses} of {token.MaxUses}"), TokenLife.At(token.ExpiresAt)],
                [TokenLife.At(token.CreatedAt), token.CreatedBy]))]);
            await listing.WriteAsync(context, output.FormatOf(parsed), isOne: false, output.NoHeaders(parsed));
            return ExitCode.Done;
        });
        return command;
    }

    private static Command Revoke(GlobalOptions global, CliContext context)
    {
        var (name, dryRun) = (new Argument<string>("name") { Description = "The token's name" }, OperationOptions.DryRunOption());
        var command = new Command("revoke", """
            Ends a join token. Who joined with it stays.

            Examples:
              qmfleet join-token revoke bench
            """) { name, dryRun };
        command.SetAction(async (parsed, ct) =>
        {
            using var connection = global.Connect(parsed, context);
            var isTrial = parsed.GetValue(dryRun);
            var revoked = await connection.Enrollments.RevokeJoinTokenAsync(new() { Name = parsed.GetValue(name)!, DryRun = isTrial }, cancellationToken: ct);
            await context.Out.WriteLineAsync(PlainText.Of($"jointoken/{revoked.Name} revoked{(isTrial ? "  (dry run)" : "")}"));
            return ExitCode.Done;
        });
        return command;
    }
}
