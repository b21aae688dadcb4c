using System.CommandLine;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Output;
using Qm.Fleet.V1;
using Command = System.CommandLine.Command;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>auth: who one is, and who may do what.</summary>
internal static class AuthVerb
{
    internal static Command Make(GlobalOptions global, CliContext context) => new("auth", """
        Shows who you are and what you may do, and says who may do what: tokens for automation, roles, and who has them.

        Examples:
          qmfleet auth whoami
          qmfleet auth can-i restart units --node ecu1 --unit radio.service
          qmfleet auth token create ci --role operator --fleet cockpit
        """)
    {
        WhoAmI(global, context), CanI(global, context), AuthTokenVerb.Make(global, context), AuthRoleVerb.Make(global, context), AuthBindingVerb.Make(global, context),
        AuthHostUnitsVerb.Make(global, context),
    };

    private static Command WhoAmI(GlobalOptions global, CliContext context)
    {
        var output = OutputOptions.OfAnswers();
        var command = new Command("whoami", """
            Shows who you are to the server, and every rule of your roles.

            Examples:
              qmfleet auth whoami
              qmfleet auth whoami -o jsonpath='{.roles}'
            """);
        output.AddTo(command);
        command.SetAction(async (parsed, ct) =>
        {
            using var connection = global.Connect(parsed, context);
            var identity = await connection.Access.WhoAmIAsync(new(), cancellationToken: ct);
            await Answer.WriteAsync(context, output.FormatOf(parsed), identity, async () =>
            {
                await context.Out.WriteLineAsync(PlainText.Of($"{identity.Name}: {string.Join(", ", identity.Roles)}"));
                await AccessText.WriteAsync(context, identity.Rules);
            });
            return ExitCode.Done;
        });
        return command;
    }

    private static Command CanI(GlobalOptions global, CliContext context)
    {
        var verb = new Argument<string>("verb") { Description = "What to do, such as get, apply or restart" };
        var resource = new Argument<string>("resource") { Description = "To what, such as nodes or units" };
        var fleet = global.Names.OfFleets(new Option<string>("--fleet") { Description = "To this fleet, or within it", HelpName = "name", DefaultValueFactory = _ => "" });
        var node = global.Names.OfNodes(new Option<string>("--node") { Description = "To this node, or on it", HelpName = "name", DefaultValueFactory = _ => "" });
        var unit = new Option<string>("--unit") { Description = "To this unit", HelpName = "name", DefaultValueFactory = _ => "" };
        var output = OutputOptions.OfAnswers();
        var command = new Command("can-i", """
            Says whether you may do something: yes, and 0 as exit code, or no, and 4.

            Examples:
              qmfleet auth can-i apply fleets --fleet cockpit
              qmfleet auth can-i restart units --node ecu1 --unit radio.service
            """) { verb, resource, fleet, node, unit };
        output.AddTo(command);
        command.SetAction(async (parsed, ct) =>
        {
            using var connection = global.Connect(parsed, context);
            var asked = new CanIRequest
            {
                Verb = parsed.GetValue(verb)!,
                Resource = parsed.GetValue(resource)!,
                Fleet = parsed.GetValue(fleet)!,
                Node = parsed.GetValue(node)!,
                Unit = parsed.GetValue(unit)!,
            };
            var answer = await connection.Access.CanIAsync(asked, cancellationToken: ct);
            await Answer.WriteAsync(context, output.FormatOf(parsed), answer, async () =>
            {
                await context.Out.WriteLineAsync(answer.Allowed ? "yes" : "no");
                if (!answer.Allowed)
                {
                    await context.Error.WriteLineAsync(PlainText.Of(answer.Reason));
                }
            });
            return answer.Allowed ? ExitCode.Done : ExitCode.Refused;
        });
        return command;
    }
}
